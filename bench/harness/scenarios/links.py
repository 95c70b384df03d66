"""Login links: asked for again, asked for anew, redeemed, and asked for by a mail merge."""

from .. import doorkey, machine, servers
from ..doorkey import Database
from ..load import lines, numbers, to_the_end, told
from ..rounds import FEW, PEOPLE, ROUNDS, USERS, against_baseline, alone, bare_loop, bare_loop_report, on_the_baseline

# New links need users who have none: each run takes the next slice of them.
SLICE = 80_000
REDEEMED = 50_000


def reuse(_):
    """Live links of 100,000 people, spread over 1,000,000, are asked for in no order, then at half of the highest rate; those of
    1,000 people again and again."""
    data = Database.with_users(USERS)
    many = {"count": PEOPLE, "step": USERS // PEOPLE}
    with data.serve("before") as server:
        to_the_end(server, data.ask(numbers(**many, endless=False)))
    among_many, among_few = data.ask(numbers(**many)), data.ask(numbers(FEW, step=many["step"]))
    results = against_baseline({
        "reuse": lambda: alone(data, among_many),
        "reuse, again and again": lambda: alone(data, among_few),
    })
    half = results["reuse"]["rate"]["median"] / 2
    runs = [alone(data, among_many, rate=half) for _ in range(ROUNDS)]
    results["reuse, half rate"] = told("reuse, half rate", runs)
    with servers.baseline() as baseline:
        runs = [on_the_baseline(baseline, rate=half) for _ in range(ROUNDS)]
    return {**results, "baseline, that rate": told("baseline, that rate", runs)}


def new(_):
    """Links for clients who have none: 64 and 256 connections, and what the disk gives a bare loop meanwhile."""
    data = Database.with_users(USERS)
    begins = iter(range(1, USERS - SLICE, SLICE))

    def fresh(connections, rate=None):
        asked = data.ask(numbers(SLICE, start=next(begins), endless=False))
        return alone(data, asked, seconds=4, connections=connections, rate=rate)

    results = against_baseline({
        "new": lambda: fresh(64),
        "bare loop": lambda: bare_loop("links"),
        "new, 256 connections": lambda: fresh(256),
    })
    half = results["new, 256 connections"]["rate"]["median"] / 2
    results["new, half rate"] = told("new, half rate", [fresh(256, half) for _ in range(ROUNDS)])
    results["sqlite"] = bare_loop_report("links")["sqlite"]
    machine.say(f"  {'bare loop':<34} {results['bare loop']['rate']['median']:>23,.0f} rows/s")
    return results


def redeem(_):
    """Links are opened and their button pressed, each once."""
    data = Database.with_users(USERS)
    begins = iter(range(1, USERS, REDEEMED))
    answers = machine.SCRATCH / "answers"

    def once():
        with data.serve("before") as server:
            to_the_end(server, data.ask(numbers(REDEEMED, next(begins), endless=False), save=str(answers)))
        return alone(data, doorkey.redeem(lines(doorkey.tokens_of(answers), endless=False)))

    return against_baseline({"redeem": once})


def mail_merge(_):
    """One link each for 100,000 people in no order, half of whom have a live link already."""
    data = Database.with_users(USERS)
    begins = iter(range(1, USERS, PEOPLE))

    def once():
        start = next(begins)
        with data.serve("before") as server:
            to_the_end(server, data.ask(numbers(PEOPLE // 2, start, step=2, endless=False)))
        return alone(data, data.ask(numbers(PEOPLE, start, endless=False)), seconds=3600)

    results = against_baseline({"mail merge": once})
    machine.say(f"  all of it in {results['mail merge']['seconds']['median']:.1f} s")
    return results
