"""`doorkey user import` into both engines, alone and beside a server that makes new links."""

import time

from .. import machine
from ..doorkey import Database
from ..load import beside, drive, numbers, summary
from ..postgres import Postgres
from ..rounds import PEOPLE, ROUNDS, USERS, bare_loop, rounds

# Beside a server fewer people come: new links must not run out of those who have none.
BESIDE = PEOPLE // 4
# On PostgreSQL fewer links are made meanwhile.
USERS_ON_POSTGRES = 300_000


def imports(_):
    """100,000 clients into an empty SQLite and PostgreSQL, 25,000 beside a server at half of its highest rate of new links."""
    database = Postgres()
    try:
        alone = rounds({
            "SQLite": lambda: bring_in(Database.empty(machine.SCRATCH / "import")),
            "bare loop": lambda: bare_loop("users"),
            "PostgreSQL": lambda: bring_in(on_postgres(database, "empty"), database=database),
        })
        crowded = on_postgres(database, "crowded")
        crowded.fill(USERS_ON_POSTGRES)
        both = {
            **alone,
            "SQLite, beside a server": beside_a_server(Database.with_users(USERS), USERS),
            "PostgreSQL, beside a server": beside_a_server(crowded, USERS_ON_POSTGRES),
        }
    finally:
        database.stop()
    for name, of in both.items():
        links = f", new links' p99 {of['p99']['median']:.1f} ms, {of['p99 without']['median']:.1f} without" if "p99" in of else ""
        machine.say(f"  {name:<34} {of['rate']['median']:>23,.0f} rows/s{links}")
    return both


def on_postgres(database, name):
    return Database.empty(machine.SCRATCH / f"import-{name}", database.fresh(name))


def bring_in(data, start=1, people=PEOPLE, database=None):
    """One import, of people who are not there yet."""
    rows = data.rows(people, start)
    of_database = database.cpu_seconds if database else lambda: 0
    cpu, theirs, begun = machine.children_cpu_seconds(), of_database(), time.perf_counter()
    data.bring_in(rows)
    seconds = time.perf_counter() - begun
    cpu, theirs = machine.children_cpu_seconds() - cpu, of_database() - theirs
    rows.unlink()
    return {"rate": people / seconds, "row_cpu": cpu / people * 1e6, "database_cpu": theirs / people * 1e6}


def beside_a_server(data, users):
    """Imports while the server makes new links at half of the rate that it reached; the time of those links with and without."""
    # An import may take longer than a run of links. All of them together ask for fewer people than there are.
    few, many = users // 12, users // 5
    start = 1

    def ask(people):
        nonlocal start
        start += people
        return data.ask(numbers(people, start - people, endless=False))

    runs = []
    with data.serve() as server:
        half = drive(server, ask(few), seconds=3)["rate"] / 2
        for turn in range(ROUNDS):
            without = drive(server, ask(few), seconds=4, rate=half)
            with beside(server, ask(many), half) as links:
                # What PostgreSQL does meanwhile for the links cannot be told from what it does for the import.
                run = bring_in(data, users + 1 + turn * PEOPLE, people=BESIDE)
            runs.append({**run, "links": links["rate"], "p99": links["p99"], "p99 without": without["p99"]})
    return summary(runs)
