"""Many nodes on one PostgreSQL."""

import contextlib
import functools

from .. import machine, servers
from ..doorkey import Database
from ..load import drive, numbers, to_the_end
from ..postgres import Postgres
from ..rounds import PEOPLE, REST, against_baseline


def nodes(_):
    """Reuse among 100,000 people over PostgreSQL, in no order, by one, two and four nodes on one database."""
    with contextlib.ExitStack() as stack:
        database = Postgres()
        stack.callback(database.stop)
        data = Database.empty(machine.SCRATCH / "nodes", database.fresh("doorkey"))
        data.fill(PEOPLE)
        all_nodes = [stack.enter_context(data.serve(f"node-{number}")) for number in range(1, 5)]
        asked = data.ask(numbers(PEOPLE))
        to_the_end(all_nodes[0], data.ask(numbers(PEOPLE, endless=False)))

        def by(count):
            before = database.cpu_seconds()
            run = drive(servers.Fleet(all_nodes[:count]), asked, rest=REST)
            return {**run, "database_cpu": (database.cpu_seconds() - before) / run["operations"] * 1e6}

        return {
            **against_baseline({f"reuse, nodes: {count}": functools.partial(by, count) for count in (1, 2, 4)}),
            "version": database.version,
        }
