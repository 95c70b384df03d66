"""Load is put on a server, and what that took is taken down."""

import contextlib
import itertools
import json
import statistics
import subprocess
import time

from . import machine

GENERATOR = machine.TARGET / "release/examples/load"
CONNECTIONS = 64
SECONDS = 5

# Each run asks in an order of its own, and the same runs in the same orders: links lie in the order in which they were made, and
# who asks for them in that order is answered out of few pages.
SEEDS = itertools.count(1)


def numbers(count, start=1, step=1, endless=True):
    return {"from": start, "step": step, "count": count, "is_endless": endless}


def lines(path, endless):
    return {"lines": str(path), "is_endless": endless}


def plan_of(server, actions, connections, seconds, rate, name="plan"):
    """A file that tells the generator what to do."""
    plan = machine.SCRATCH / f"{name}.json"
    actions = [actions] if isinstance(actions, dict) else actions
    whole = {
        "addresses": [f"127.0.0.1:{port}" for port in server.ports],
        "connections": connections,
        "seconds": seconds,
        "rate": rate,
        "actions": [{**one, "values": {**one["values"], "seed": next(SEEDS)}} for one in actions],
    }
    plan.write_text(json.dumps(whole))
    return plan


@contextlib.contextmanager
def beside(server, actions, rate=None):
    """Load from a process of its own, for as long as something else is measured."""
    plan = plan_of(server, actions, CONNECTIONS, 3600, rate, "beside")
    load = subprocess.Popen([GENERATOR, plan], stdout=subprocess.PIPE, text=True)
    report = {}
    try:
        yield report
        if load.poll() is not None:
            machine.stop("the load was over before what was to be measured beside it")
        load.terminate()
        report.update(report_of(server, load.communicate()[0]))
    finally:
        load.kill()
        load.wait()


def drive(server, actions, connections=CONNECTIONS, seconds=SECONDS, rate=None, rest=0):
    """One run. CPU is the server's, user and system, by operation, with what it does in so many seconds of rest after the load;
    any answer that was not expected ends everything."""
    plan = plan_of(server, actions, connections, seconds, rate)
    before = server.cpu_seconds()
    report = report_of(server, machine.run(GENERATOR, plan))
    time.sleep(rest)
    return {**report, "cpu": (server.cpu_seconds() - before) / report["operations"] * 1e6}


def report_of(server, text):
    """What the generator says of a run in which all was well."""
    report = json.loads(text)
    if report["errors"] or not report["operations"]:
        machine.stop(f"{server.name}: {report['errors']} errors in {report['operations']} operations, "
                     f"the first: {report['first_error']}")
    return {
        "operations": report["operations"],
        "rate": report["operations"] / report["seconds"],
        "seconds": report["seconds"],
        **report["milliseconds"],
    }


def to_the_end(server, actions, connections=CONNECTIONS):
    """A run without a limit of time, that uses up its values."""
    return drive(server, actions, connections, seconds=3600)


def summary(runs):
    """Median, least and most of each number of some runs."""
    return {
        key: {"median": statistics.median(values), "least": min(values), "most": max(values)}
        for key in runs[0]
        for values in [[run[key] for run in runs]]
    }


def told(name, runs):
    """Prints what came of runs, and gives their summary."""
    of = summary(runs)
    cpu, rate, p99 = of["cpu"], of["rate"], of["p99"]
    machine.say(
        f"  {name:<34} {cpu['median']:>8.1f} µs ({cpu['least']:.1f}-{cpu['most']:.1f})"
        f" {rate['median']:>9,.0f}/s ({rate['least']:,.0f}-{rate['most']:,.0f})   p99 {p99['median']:.2f} ms"
    )
    return of
