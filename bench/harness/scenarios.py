"""What is measured of doorkey: each scenario sets the stage, then takes its runs in turn with the baseline's."""

import contextlib
import functools
import json
import os
import shutil
import statistics
import time

from . import doorkey, machine, servers
from .doorkey import Database
from .load import beside, drive, lines, numbers, summary, to_the_end, told
from .postgres import Postgres

ROUNDS = 3
USERS = 1_000_000
FEW = 1_000
HUGE = 10_000_000

# New links need users who have none: each run takes the next slice of them.
SLICE = 80_000
REDEEMED = 50_000


def rounds(contenders):
    """Runs each contender once, in turn, and that three times: what the machine does meanwhile hits them all alike."""
    runs = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, once in contenders.items():
            runs[name].append(once())
    return {name: told(name, of) if "cpu" in of[0] else summary(of) for name, of in runs.items()}


def against_baseline(doorkeys):
    """Rounds of the baseline and of doorkey."""
    with servers.baseline() as baseline:
        return rounds({"baseline": lambda: on_the_baseline(baseline), **doorkeys})


def on_the_baseline(baseline, rate=None):
    ask = {"path": "/api/login_links/{}", "headers": ["Host: x"], "expect": 200, "values": numbers(FEW)}
    return drive(baseline, ask, seconds=3, rate=rate)


def reuse(_):
    """The same clients' live links are asked for, again and again; then at half of the highest rate, and the baseline at that."""
    data = Database.with_users(USERS)
    with data.serve() as server:
        time.sleep(1)
        idle = server.memory()["now"]
        to_the_end(server, data.ask(numbers(FEW, endless=False)))
        asked = data.ask(numbers(FEW))
        results = against_baseline({"reuse": lambda: drive(server, asked)})
        half = results["reuse"]["rate"]["median"] / 2
        results["reuse, half rate"] = told("reuse, half rate", [drive(server, asked, rate=half) for _ in range(ROUNDS)])
        with servers.baseline() as baseline:
            runs = [on_the_baseline(baseline, rate=half) for _ in range(ROUNDS)]
            results["baseline, that rate"] = told("baseline, that rate", runs)
        memory = server.memory()
    return {**results, "memory": {"idle": idle, "loaded": memory["now"], "highest": memory["highest"]}}


def new(_):
    """Links for clients who have none: 64 and 256 connections, and what the disk gives a bare loop meanwhile."""
    data = Database.with_users(USERS)
    begins = iter(range(1, USERS - SLICE, SLICE))

    def fresh(server, connections, rate=None):
        return drive(server, data.ask(numbers(SLICE, start=next(begins), endless=False)), connections, 4, rate)

    with data.serve() as server:
        results = against_baseline({
            "new": lambda: fresh(server, 64),
            "bare loop": bare_loop,
            "new, 256 connections": lambda: fresh(server, 256),
        })
        half = results["new, 256 connections"]["rate"]["median"] / 2
        results["new, half rate"] = told("new, half rate", [fresh(server, 256, half) for _ in range(ROUNDS)])
    results["sqlite"] = bare_loop_report()["sqlite"]
    machine.say(f"  {'bare loop':<34} {results['bare loop']['rate']['median']:>23,.0f} rows/s")
    return results


def bare_loop():
    report = bare_loop_report()
    return {"rate": report["rows"] / report["seconds"]}


def bare_loop_report():
    folder = machine.SCRATCH / "loop"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    report = json.loads(machine.run(machine.TARGET / "release/examples/raw_inserts", folder / "rows.db", 3))
    # What it leaves to be written must not be written while the next contender is measured.
    shutil.rmtree(folder)
    os.sync()
    return report


def redeem(_):
    """Links are opened and their button pressed, each once."""
    data = Database.with_users(USERS)
    begins = iter(range(1, USERS, REDEEMED))
    answers = machine.SCRATCH / "answers"
    with data.serve() as server:
        def once():
            to_the_end(server, data.ask(numbers(REDEEMED, next(begins), endless=False), save=str(answers)))
            return drive(server, doorkey.redeem(lines(doorkey.tokens_of(answers), endless=False)))

        return against_baseline({"redeem": once})


def sign_in(server, data, count, start=1):
    """Signs clients in; a file of their session cookies."""
    answers, cookies = machine.SCRATCH / "answers", machine.SCRATCH / "cookies"
    to_the_end(server, data.ask(numbers(count, start, endless=False), save=str(answers)))
    tokens = lines(doorkey.tokens_of(answers), endless=False)
    to_the_end(server, doorkey.redeem(tokens, save=str(cookies)))
    return cookies


def verify(_):
    """A proxy asks who is signed in, for a thousand people in turn."""
    data = Database.with_users(USERS)
    with data.serve() as server:
        asked = doorkey.verify(lines(sign_in(server, data, FEW), endless=True))
        return against_baseline({"verify": lambda: drive(server, asked)})


def clients(_):
    """The first ten pages of the list of clients, twenty to a page, of few clients and of many."""
    few, many = Database.with_users(FEW, "few"), Database.with_users(USERS)
    with few.serve("few") as server_of_few, many.serve() as server_of_many:
        pages = numbers(10)
        return against_baseline({
            f"clients, {FEW:,}": lambda: drive(server_of_few, few.page_of_clients(pages)),
            f"clients, {USERS:,}": lambda: drive(server_of_many, many.page_of_clients(pages)),
        })


def mixed(_):
    """90 % verify, 8 % reuse, 1 % new links, 1 % redemptions."""
    data = Database.with_users(USERS)
    answers = machine.SCRATCH / "answers"
    share = 20_000
    begins = iter(range(100_000, USERS, 2 * share))
    with data.serve() as server:
        cookies = sign_in(server, data, FEW)
        to_the_end(server, data.ask(numbers(FEW, FEW + 1, endless=False)))

        def once():
            begin = next(begins)
            to_the_end(server, data.ask(numbers(share, begin, endless=False), save=str(answers)))
            return drive(server, [
                {**doorkey.verify(lines(cookies, endless=True)), "weight": 90},
                {**data.ask(numbers(FEW, FEW + 1)), "weight": 8},
                {**data.ask(numbers(share, begin + share, endless=False)), "weight": 1},
                {**doorkey.redeem(lines(doorkey.tokens_of(answers), endless=False)), "weight": 1},
            ])

        return against_baseline({"mixed": once})


def users_import(_):
    """`doorkey user import` of 100,000 clients into an empty database."""
    count, runs = 100_000, []
    for _ in range(ROUNDS):
        data = Database.empty(machine.SCRATCH / "import")
        before, begun = machine.children_cpu_seconds(), time.perf_counter()
        data.fill(count)
        seconds, cpu = time.perf_counter() - begun, machine.children_cpu_seconds() - before
        runs.append({"rate": count / seconds, "cpu": cpu / count * 1e6})
    of = summary(runs)
    machine.say(f"  import: {of['rate']['median']:,.0f} rows/s, {of['cpu']['median']:.1f} µs of CPU a row")
    return {"import": of}


def size(is_long):
    """Reuse among few users and among very many, whose links lie all over the database."""
    large = HUGE if is_long else USERS
    spread = 200_000
    few, many = Database.with_users(FEW, "few"), Database.with_users(large)
    with few.serve("few") as server_of_few, many.serve() as server_of_many:
        to_the_end(server_of_few, few.ask(numbers(FEW, endless=False)))
        scattered = {"count": spread, "step": large // spread}
        to_the_end(server_of_many, many.ask(numbers(**scattered, endless=False)))
        results = rounds({
            f"reuse, {FEW:,} users": lambda: drive(server_of_few, few.ask(numbers(FEW))),
            f"reuse, {large:,} users": lambda: drive(server_of_many, many.ask(numbers(**scattered))),
        })
        memory = server_of_many.memory()
    return {**results, "users": large, "memory": memory}


def nodes(_):
    """Reuse over PostgreSQL, by one, two and four nodes on one database."""
    with contextlib.ExitStack() as stack:
        database = Postgres()
        stack.callback(database.stop)
        database.fresh("doorkey")
        data = Database.empty(machine.SCRATCH / "nodes", database.url("doorkey"))
        data.fill(FEW)
        all_nodes = [stack.enter_context(data.serve(f"node-{number}")) for number in range(1, 5)]
        asked = data.ask(numbers(FEW))
        to_the_end(all_nodes[0], data.ask(numbers(FEW, endless=False)))

        def by(count):
            before = database.cpu_seconds()
            run = drive(servers.Fleet(all_nodes[:count]), asked)
            return {**run, "database_cpu": (database.cpu_seconds() - before) / run["operations"] * 1e6}

        return {
            **against_baseline({f"reuse, nodes: {count}": functools.partial(by, count) for count in (1, 2, 4)}),
            "version": database.version,
        }


def start(_):
    """From the start of the process to its first answer, a link, with many users in the database; memory; size."""
    data = Database.with_users(USERS)
    answers, idle = [], []
    for _ in range(2 * ROUNDS + 1):
        with data.serve() as server:
            answers.append(server.first_answer * 1e3)
            time.sleep(0.5)
            idle.append(server.memory()["now"])
    stripped = machine.SCRATCH / "stripped"
    machine.run("strip", "-o", stripped, doorkey.BINARY)
    result = {
        "first answer": summary([{"milliseconds": one} for one in answers])["milliseconds"],
        "idle": statistics.median(idle),
        "binary": stripped.stat().st_size / 2**20,
    }
    first = result["first answer"]
    machine.say(
        f"  first answer {first['median']:.1f} ms ({first['least']:.1f}-{first['most']:.1f}), "
        f"idle {result['idle']:.1f} MB, binary {result['binary']:.1f} MB"
    )
    return result


def neighbour(_):
    """One workspace asks at its leisure: alone, and while the key of another floods the server, with a limit and without,
    with links and with lists."""
    rate, seconds, limit = 200, 4, 500
    share = 2 * rate * seconds
    begins = iter(range(2 * share, USERS, share))
    floods, servers_of = {}, {}
    with contextlib.ExitStack() as stack:
        for name, flags in [("limit", ["--key-requests-per-second", limit]), ("no limit", [])]:
            data = Database.with_users(USERS, name.replace(" ", "-"))
            headers = data.another_workspace("Flood", "flood.example.com")
            data.fill(SLICE, "Flood")
            floods[name] = {
                "path": "/api/login_links/{}", "headers": headers, "expect": [200, 429], "values": numbers(SLICE)
            }
            server = stack.enter_context(data.serve(name, flags))
            # The limit is everybody's, so what is asked for again later is asked for slowly at first.
            drive(server, data.ask(numbers(share, endless=False)), seconds=3600, rate=2 * rate)
            servers_of[name] = server, data
        deep = "/api/clients?limit=100&page={}&sort=name_f:desc&filters[name_l][$gt]=A"
        pages = {"path": deep, "expect": [200, 503], "values": numbers(SLICE // 100)}
        floods["no limit, lists"] = {**floods["no limit"], **pages}

        def ask(name, values):
            server, data = servers_of[name]
            return drive(server, data.ask(values()), seconds=seconds, rate=rate)

        def flooded(name, values, of=""):
            with beside(servers_of[name][0], floods[name + of], seconds + 3) as flood:
                time.sleep(1)
                run = ask(name, values)
            machine.say(f"  the flood got {flood['operations'] / flood['seconds']:,.0f} answers a second")
            return run

        asked = {
            "reuse": lambda: numbers(share),
            "new": lambda: numbers(share, start=next(begins), endless=False),
        }
        return rounds({
            f"{what}, {how}": functools.partial(once, name, values)
            for what, values in asked.items()
            for how, once, name in [
                ("alone", ask, "limit"),
                ("beside a flood with a limit", flooded, "limit"),
                ("beside a flood without one", flooded, "no limit"),
                ("beside a flood of lists", functools.partial(flooded, of=", lists"), "no limit"),
            ]
        })


def wrk(_):
    """The same two servers under wrk, which is no work of ours: a check on our own load generator."""
    machine.needs_debian("wrk", "wrk")
    data = Database.with_users(FEW, "few")
    results = {}
    with data.serve() as server, servers.baseline() as baseline:
        for name, one, headers in [("baseline", baseline, ["Host: x"]), ("reuse", server, [doorkey.HOST, data.key()])]:
            ask = {"path": "/api/login_links/1", "headers": headers, "expect": 200, "values": numbers(1)}
            results[name] = {"ours": drive(one, ask)["rate"], "wrk": with_wrk(one, headers)}
            of = results[name]
            machine.say(f"  {name}: {of['ours']:,.0f}/s under ours, {of['wrk']:,.0f}/s under wrk")
    return results


def with_wrk(server, headers):
    flags = [word for header in headers for word in ("-H", header)]
    url = f"http://127.0.0.1:{server.port}/api/login_links/1"
    told = machine.run("wrk", "-t1", "-c64", "-d5s", *flags, url)
    if "Non-2xx" in told or "Socket errors" in told:
        machine.stop(f"wrk met errors: {told}")
    return float(told.partition("Requests/sec:")[2].split()[0])


ALL = {
    "reuse": reuse,
    "verify": verify,
    "new": new,
    "redeem": redeem,
    "mixed": mixed,
    "clients": clients,
    "import": users_import,
    "size": size,
    "nodes": nodes,
    "start": start,
    "neighbour": neighbour,
    "wrk": wrk,
}
