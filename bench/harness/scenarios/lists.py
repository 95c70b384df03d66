"""Pages of the four lists, of few rows and of many."""

import functools

from .. import doorkey, machine
from ..doorkey import Database
from ..load import drive, lines, numbers, to_the_end
from ..rows import copies
from ..rounds import FEW, USERS, rounds

TO_A_PAGE = 20
SECONDS = 1.5
# As many as doorkey makes at a time for one workspace: more would wait.
CONNECTIONS = 2

# Each list with an order that an index has, other than its own.
LISTS = {
    "clients": ("/api/clients", "email:asc"),
    "live links": ("/api/login_links", "created_at:asc"),
    "sessions": ("/api/sessions", "created_at:asc"),
    "log": ("/api/logs", "id:asc"),
}


def pages(count):
    """What is asked of a list of so many rows: the first page, ten in the middle, and the first in another order."""
    return {
        "first": ("?page={}", numbers(1)),
        "in the middle": ("?page={}", numbers(10, start=count // TO_A_PAGE // 2)),
        "sorted": ("?sort=SORT&page={}", numbers(1)),
    }


def lists(_):
    """Pages of clients, live links, sessions and the log: first, in the middle, and sorted, of 1,000 rows and of 1,000,000."""
    filled = {count: with_rows(count) for count in (FEW, USERS)}
    with filled[FEW].serve("few") as few, filled[USERS].serve("many") as many:
        servers = {FEW: few, USERS: many}
        for count, server in servers.items():
            must_have(filled[count], server, count)
        return rounds({
            f"{name}, {view}, {count:,}": functools.partial(
                drive, servers[count], filled[count].page((path + query).replace("SORT", sort), values), CONNECTIONS, SECONDS
            )
            for name, (path, sort) in LISTS.items()
            for view in pages(FEW)
            for count in filled
            for query, values in [pages(count)[view]]
        })


def with_rows(count):
    """A database with so many clients, live links and sessions; its log has the entries of the clients' import."""
    data = Database.with_users(count, f"list-{count}")
    answers = machine.SCRATCH / "answers"
    # The server's first answer is the live link of client 1.
    with data.serve("before") as server:
        to_the_end(server, data.ask(numbers(1, start=2, endless=False), save=str(answers)))
        to_the_end(server, doorkey.redeem(lines(doorkey.tokens_of(answers), endless=False)))
    for table in ("login_links", "sessions"):
        copies(data, table, count)
    machine.run("sync", "-f", data.folder)
    return data


def must_have(data, server, count):
    """Each list must be as long as it is said to be; the log has some entries of other acts."""
    for name, (path, _) in LISTS.items():
        total = data.get(server, f"{path}?limit=1")["meta"]["total"]
        if not count <= total < count + 20:
            machine.stop(f"{name}: {total:,} rows instead of {count:,}")
