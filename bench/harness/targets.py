"""The targets: what doorkey is to be, and what was measured."""

from dataclasses import dataclass

from .rounds import FEW, USERS


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


def at_least_rows(what, value, loop, limits, percent):
    """So many rows a second; for the least, so much of what a bare loop made in the same run will do."""
    part = value / loop * 100
    least, reach_for = limits
    return Row(what, f"{value:,.0f} rows/s", f"{loop:,.0f} rows/s", f"{part:.0f} %", f"≥ {least:,} rows/s or {percent} %",
               f"≥ {reach_for:,} rows/s", value >= least or part >= percent, value >= reach_for)


def of_run(results):
    """The rows that bench/run gives, as far as its scenarios were run."""
    given = {
        "reuse": of_reuse,
        "size": of_size,
        "verify": of_verify,
        "new": of_new,
        "redeem": of_redeem,
        "oidc": of_oidc,
        "mail": of_mail,
        "openings": of_openings,
        "lists": of_lists,
        "desk": of_lists,
        "import": of_imports,
        "nodes": of_nodes,
        "start": of_start,
        "neighbour": of_neighbour,
    }
    return [row for name, rows in given.items() if name in results for row in rows(results[name])]


def cpu(of, name, what, limits):
    """CPU of an operation, against the baseline of the same rounds."""
    baseline = of["baseline"]["cpu"]["median"]
    return at_most(f"{what}: CPU, against the baseline", of[name]["cpu"]["median"], "µs", limits, baseline)


def of_reuse(of):
    rate = [of[name]["rate"]["median"] for name in ("reuse, again and again", "baseline")]
    what = "reuse among 100,000 in no order: memory at its highest"
    return [
        cpu(of, "reuse", "reuse among 100,000 in no order", (3, 2.3)),
        at_most(what, of["reuse"]["memory"]["median"], "MB", (45, 30)),
        at_most("the same: p99 at half of the highest rate", of["reuse, half rate"]["p99"]["median"], "ms", (5, 2)),
        cpu(of, "reuse, again and again", "reuse among 1,000, again and again", (2.2, 1.5)),
        at_least_percent("the same: requests per second, against the baseline", *rate, "/s", (45, 70)),
    ]


def of_size(of):
    _, some, most = of["sizes"]
    many, few = [of["reuse"][f"{count:,}"] for count in (most, some)]
    what = f"reuse among {most:,}: CPU, against {some:,}"
    rows = [at_most(what, many["cpu"]["median"], "µs", (1.3, 1.1), few["cpu"]["median"])]
    if most > USERS:
        rows.append(at_most("the same: memory at its highest", many["memory"]["median"], "MB", (100, 60)))
    return rows


def of_verify(of):
    return [
        cpu(of, "verify", "`/auth/verify`, 10,000 sessions within their minute", (2.8, 2.2)),
        cpu(of, "verify, first in a minute", "`/auth/verify`, 10,000 sessions, each first in its minute", (3.5, 2.5)),
    ]


def of_new(of):
    rate = [of[name]["rate"]["median"] for name in ("new, 256 connections", "bare loop")]
    return [
        cpu(of, "new", "new link, durable", (7.5, 6)),
        at_least_percent("new links per second, 256 connections, against the bare loop's rows", *rate, "/s", (30, 60)),
        at_most("new link: p99 at half of the highest rate", of["new, half rate"]["p99"]["median"], "ms", (20, 8)),
    ]


def of_redeem(of):
    return [cpu(of, "redeem", "redemption (page and confirm), durable", (14, 11))]


def of_oidc(of):
    mine, what = of["doorkey"]["cpu"]["median"], "a whole sign-in to an app: CPU, against"
    return [times_less(f"{what} {name}", mine, of[name]["cpu"]["median"], "µs", (10, 20)) for name in of["does"]]


def of_mail(of):
    full, empty = [of[f"reuse, {how} outbox"]["cpu"]["median"] for how in ("full", "empty")]
    return [at_most("reuse while 20,000 mails wait: CPU, against an empty outbox", full, "µs", (1.1, 1.0), empty)]


def of_openings(of):
    noted, without = [of[name]["cpu"]["median"] for name in ("noted", "not noted")]
    return [at_most("the page of a link, its opening noted: CPU, against not noted", noted, "µs", (1.1, 1.0), without)]


def of_lists(of):
    """Of each list the page that grows most."""
    rows = []
    few, many = f", {FEW:,}", f", {USERS:,}"
    for kind in dict.fromkeys(name.partition(",")[0] for name in of):
        pages = [name.removesuffix(many) for name in of if name.startswith(kind + ",") and name.endswith(many)]
        pairs = {page: [of[page + rows]["cpu"]["median"] for rows in (many, few)] for page in pages}
        page, (value, against) = max(pairs.items(), key=lambda one: one[1][0] / one[1][1])
        what = f"a page of {page}: CPU, {USERS:,} rows against {FEW:,}"
        rows.append(at_most(what, value, "µs", (2, 1.2), against))
    return rows


def of_imports(of):
    loop = of["bare loop"]["rate"]["median"]
    postgres = of["PostgreSQL"]["rate"]["median"]
    alone, beside = [of[name]["rate"]["median"] for name in ("SQLite", "SQLite, beside a server")]
    return [
        at_least_rows("import, SQLite", alone, loop, (50_000, 100_000), 60),
        at_least_rows("import, SQLite, beside a server at half its rate", beside, loop, (25_000, 50_000), 30),
        Row("import, PostgreSQL", f"{postgres:,.0f} rows/s", "", "", "≥ 10,000 rows/s", "≥ 40,000 rows/s",
            postgres >= 10_000, postgres >= 40_000),
    ]


def of_nodes(of):
    one = of["reuse, nodes: 1"]
    what = "reuse on PostgreSQL among 100,000: CPU of"
    return [
        at_most(f"{what} PostgreSQL", one["database_cpu"]["median"], "µs", (40, 25)),
        at_most(f"{what} doorkey", one["cpu"]["median"], "µs", (35, 20)),
    ]


def of_start(of):
    return [
        at_most("resident memory, idle", of["idle"], "MB", (15, 8)),
        at_most("first answer after start, 1,000,000 users", of["first answer"]["median"], "ms", (60, 15)),
        at_most("release binary, stripped", of["binary"], "MB", (25, 12)),
    ]


def of_neighbour(of):
    rows = []
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
    reuse = "reuse among 100,000 in no order"
    if "better-auth, SQLite" in peers:
        theirs = peers["better-auth, SQLite"]
        for what, mine, key, limits in [
            ("new link", "new", "issue", (10, 15)),
            ("redemption", "redeem", "redeem", (25, 40)),
            (reuse, "reuse", "issue", (30, 45)),
        ]:
            values = doorkey[mine]["cpu"]["median"], theirs[key]["cpu"]["median"]
            rows.append(times_less(f"{what}: CPU, against better-auth", *values, "µs", limits))
    cheapest = min(of["issue"]["cpu"]["median"] for of in peers.values())
    what = f"{reuse}: CPU, against the cheapest peer's issue"
    rows.append(times_less(what, doorkey["reuse"]["cpu"]["median"], cheapest, "µs", (25, 40)))
    return rows


def table(rows):
    """As Markdown, which a terminal can be read too."""
    lines = ["| what | doorkey | against | ratio | at least | reach for | |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = [row.what, row.doorkey, row.against, row.ratio, row.least, row.reach_for, row.verdict()]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
