"""The targets: what doorkey is to be, and what was measured."""

from dataclasses import dataclass


@dataclass
class Row:
    """One target. `is_met` and `is_reached` say whether the least and the better one hold."""

    what: str
    doorkey: str
    against: str
    ratio: str
    least: str
    reach_for: str
    is_met: bool
    is_reached: bool

    def verdict(self):
        return "reached" if self.is_reached else "met" if self.is_met else "missed"


def at_most(what, value, unit, limits, against=None):
    """Less is better. With `against` it is the ratio that counts."""
    least, reach_for = limits
    if against is None:
        shown, other, ratio, judged, unit_of_limit = f"{value:,.1f} {unit}", "", "", value, f" {unit}"
    else:
        judged, unit_of_limit = value / against, " times"
        shown, other, ratio = f"{value:,.1f} {unit}", f"{against:,.1f} {unit}", f"{judged:.2f}"
    limit = [f"≤ {one:g}{unit_of_limit}" for one in limits]
    return Row(what, shown, other, ratio, limit[0], limit[1], judged <= least, judged <= reach_for)


def at_least_percent(what, value, against, unit, limits):
    """More is better, in hundredths of something else."""
    part = value / against * 100
    limit = [f"≥ {one} %" for one in limits]
    shown, other = f"{value:,.0f} {unit}", f"{against:,.0f} {unit}"
    return Row(what, shown, other, f"{part:.0f} %", limit[0], limit[1], part >= limits[0], part >= limits[1])


def times_less(what, value, against, unit, limits):
    """How many times less than somebody else's."""
    times = against / value
    limit = [f"≥ {one} times less" for one in limits]
    shown, other = f"{value:,.1f} {unit}", f"{against:,.1f} {unit}"
    return Row(what, shown, other, f"{times:.1f} times less", limit[0], limit[1], times >= limits[0], times >= limits[1])


def of_run(results):
    """The rows that bench/run gives, as far as its scenarios were run."""
    rows = []

    def cpu(scenario, name, what, limits):
        of = results.get(scenario)
        if of:
            baseline = of["baseline"]["cpu"]["median"]
            rows.append(at_most(f"{what}: CPU, against the baseline", of[name]["cpu"]["median"], "µs", limits, baseline))

    cpu("reuse", "reuse", "reuse", (2.2, 1.5))
    if of := results.get("reuse"):
        rate = [of[name]["rate"]["median"] for name in ("reuse", "baseline")]
        rows.append(at_least_percent("reuse: requests per second, against the baseline", *rate, "/s", (45, 70)))
    cpu("verify", "verify", "`/auth/verify`", (2, 1.3))
    cpu("new", "new", "new link, durable", (8, 4))
    if of := results.get("new"):
        rate = [of[name]["rate"]["median"] for name in ("new, 256 connections", "bare loop")]
        what = "new links per second, 256 connections, against the bare loop's rows"
        rows.append(at_least_percent(what, *rate, "/s", (30, 60)))
    cpu("redeem", "redeem", "redemption (page and confirm), durable", (12, 6))
    if of := results.get("size"):
        few, many = [of[name]["cpu"]["median"] for name in of if name.startswith("reuse, ")]
        rows.append(at_most(f"reuse: CPU, {of['users']:,} users against 1,000", many, "µs", (1.3, 1.1), few))
    if of := results.get("start"):
        rows.append(at_most("resident memory, idle", of["idle"], "MB", (15, 8)))
    if of := results.get("reuse"):
        rows.append(at_most("resident memory, highest under reuse", of["memory"]["highest"], "MB", (40, 20)))
    if of := results.get("size"):
        what = f"resident memory, highest serving {of['users']:,} users"
        rows.append(at_most(what, of["memory"]["highest"], "MB", (100, 40)))
    if of := results.get("start"):
        first = of["first answer"]["median"]
        rows.append(at_most("first answer after start, 1,000,000 users", first, "ms", (60, 15)))
        rows.append(at_most("release binary, stripped", of["binary"], "MB", (25, 12)))
    if of := results.get("reuse"):
        rows.append(at_most("reuse: p99 at half of the highest rate", of["reuse, half rate"]["p99"]["median"], "ms", (5, 2)))
    if of := results.get("new"):
        rows.append(at_most("new link: p99 at half of the highest rate", of["new, half rate"]["p99"]["median"], "ms", (20, 8)))
    if of := results.get("neighbour"):
        for flood in ("a flood with a limit", "a flood of lists"):
            for what in ("reuse", "new"):
                beside, alone = [of[f"{what}, {how}"]["p99"]["median"] for how in (f"beside {flood}", "alone")]
                rows.append(at_most(f"{what}: p99 beside {flood}, against alone", beside, "ms", (3, 1.5), alone))
    return rows


def of_peers(results):
    """The rows that bench/peers gives."""
    doorkey = results["doorkey"]
    peers = {name: of for name, of in results.items() if isinstance(of, dict) and "issue" in of and name != "doorkey"}
    rows = []
    if "better-auth, SQLite" in peers:
        theirs = peers["better-auth, SQLite"]
        for what, mine, key, limits in [("new link", "new", "issue", (6, 15)), ("redemption", "redeem", "redeem", (25, 60))]:
            values = doorkey[mine]["cpu"]["median"], theirs[key]["cpu"]["median"]
            rows.append(times_less(f"{what}: CPU, against better-auth", *values, "µs", limits))
    cheapest = min(of["issue"]["cpu"]["median"] for of in peers.values())
    what = "reuse: CPU, against the cheapest peer's issue"
    rows.append(times_less(what, doorkey["reuse"]["cpu"]["median"], cheapest, "µs", (25, 40)))
    return rows


def table(rows):
    """As Markdown, which a terminal can be read too."""
    lines = ["| what | doorkey | against | ratio | at least | reach for | |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = [row.what, row.doorkey, row.against, row.ratio, row.least, row.reach_for, row.verdict()]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
