"""How measurements are taken: in rounds, each run in turn with the others, on a server that was started for it."""

import json
import os
import shutil
import time

from . import machine, servers
from .load import SECONDS, drive, numbers, summary, told

ROUNDS = 3

# How many people are asked for, of how many there are.
FEW = 1_000
PEOPLE = 100_000
USERS = 1_000_000
HUGE = 10_000_000
SESSIONS = 10_000

# What a server puts off, such as counters of reuse, it does in these seconds after the load, and that counts.
REST = 6


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


def alone(data, asked, seconds=SECONDS, **how):
    """One run on a server that does nothing else in its life, with the memory that it had at its highest."""
    with data.serve() as server:
        time.sleep(1)
        run = drive(server, asked, seconds=seconds, rest=REST, **how)
        return {**run, "memory": server.memory()["highest"]}


def bare_loop(kind):
    """What SQLite and the disk give a loop that inserts links, or users."""
    report = bare_loop_report(kind)
    return {"rate": report["rows"] / report["seconds"]}


def bare_loop_report(kind):
    folder = machine.SCRATCH / "loop"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    report = json.loads(machine.run(machine.TARGET / "release/examples/raw_inserts", kind, folder / "rows.db", 3))
    # What it leaves to be written must not be written while the next contender is measured.
    shutil.rmtree(folder)
    os.sync()
    return report
