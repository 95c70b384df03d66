"""docs/performance.md and its plots, drawn from what bench/run and bench/peers left in target/bench."""

import json

from . import machine, page_text as text, plots, scenarios, targets
from .rounds import FEW, USERS

PAGE = machine.ROOT / "docs/performance.md"
IMAGES = machine.ROOT / "docs/images"

# The sections of operations: what of a scenario's results each row shows.
ROWS = {
    "reuse": [
        ("reuse", "a live link again, 100,000 people in no order"),
        ("reuse, half rate", "the same, at half of that rate"),
        ("baseline, that rate", "*baseline, at that rate*"),
        ("reuse, again and again", "a live link again, 1,000 people, asked again and again"),
    ],
    "verify": [
        ("verify", "`/auth/verify`, 10,000 sessions, within their minute"),
        ("verify, first in a minute", "`/auth/verify`, 10,000 sessions, each first in its minute"),
    ],
    "mail-merge": [("mail merge", "a link of a mail merge")],
    "new": [
        ("new", "a new link"),
        ("new, 256 connections", "a new link, 256 connections"),
        ("new, half rate", "the same, at half of that rate"),
    ],
    "redeem": [("redeem", "a redemption")],
    "mixed": [("mixed", "mixed")],
}


def write():
    """Writes the page from what there is: the results of bench/run, and of bench/peers if it was run."""
    run = load("run.json") or {}
    missing = [name for name in scenarios.ALL if name not in run]
    if missing:
        machine.say(f"==> docs/performance.md is written once `bench/run` has measured {', '.join(missing)} too")
        return
    parts = [text.INTRO, "## Targets\n", targets.table(targets.of_run(run)), "", text.MISSED]
    parts += [operations(run), merge(run), text.MEANING, apps(run), mails(run), openings(run), lists(run), imports(run), growth(run)]
    parts += [text.FLATTERY, rest(run), over_postgres(run)]
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / "performance-cpu.svg").write_text(plots.of_run(run))
    if peers := load("peers.json"):
        (IMAGES / "performance-peers.svg").write_text(plots.of_peers(peers))
        parts.append(beside(peers))
    else:
        parts.append(kept("## Beside others\n"))
    engines = {"SQLite in doorkey": run["new"]["sqlite"], "PostgreSQL": run["nodes"]["version"]}
    days = sorted(set(run["dates"].values()))
    when = {"measured": days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}, each table in one run"}
    versions = {**when, **run["versions"], **engines, **(peers or {}).get("versions", {})}
    parts += [text.HOW, measured_with(versions)]
    PAGE.write_text("\n".join(parts))
    machine.say(f"==> wrote {PAGE.relative_to(machine.ROOT)}")


def kept(title):
    """A section of the page as it stands, which was measured before the rest."""
    _, found, rest = PAGE.read_text().partition(title)
    older = "\nMeasured by an earlier build than the rest of this page.\n"
    return title + older + rest.partition("\n## ")[0].removeprefix(older) if found else ""


def load(name):
    """What was kept under a name; None if there is nothing."""
    path = machine.SCRATCH / name
    return json.loads(path.read_text()) if path.exists() else None


def keep(name, results):
    """Keeps results: all of them, or those that were kept before."""
    path = machine.SCRATCH / f"{name}.new"
    path.write_text(json.dumps(results, indent=1))
    path.rename(machine.SCRATCH / name)


def shown(of, digits=1):
    median, least, most = of["median"], of["least"], of["most"]
    return f"{median:,.{digits}f} ({least:,.{digits}f}-{most:,.{digits}f})"


def line(title, of):
    latency = " | ".join(f"{of[key]['median']:.2f}" for key in ("p50", "p99", "p999"))
    memory = shown(of["memory"]) if "memory" in of else ""
    return f"| {title} | {shown(of['cpu'])} | {shown(of['rate'], 0)} | {latency} | {memory} |"


def operations(run):
    lines = [
        "## Each operation\n",
        "![CPU of each operation](images/performance-cpu.svg)\n",
        "| | CPU, µs | a second | p50, ms | p99, ms | p99.9, ms | memory at its highest, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for scenario, rows in ROWS.items():
        lines.append(line(f"*baseline, beside {scenario}*", run[scenario]["baseline"]))
        lines += [line(title, run[scenario][name]) for name, title in rows]
    return "\n".join(lines) + "\n"


def merge(run):
    of = run["mail-merge"]["mail merge"]
    return f"""\
**A mail merge**, one link each for 100,000 people in no order, half of whom have a live link already, takes
{shown(of['seconds'])} s over 64 connections, with {of['memory']['median']:.0f} MB of memory at the highest.
"""


def apps(run):
    of = run["oidc"]
    titles = {"doorkey": "doorkey, RS256", **{name: f"{name}, RS256" for name in of["does"]}, "doorkey, ES256": "doorkey, ES256"}
    lines = ["## Signing in to an app\n", text.APPS, "| | CPU, µs | times doorkey's, RS256 | a second |", "|---|---|---|---|"]
    for name, title in titles.items():
        cpu, rate = of[name]["cpu"], of[name]["rate"]
        times = cpu["median"] / of["doorkey"]["cpu"]["median"]
        lines.append(f"| {title} | {shown(cpu, 0)} | {times:.1f} | {shown(rate, 0)} |")
    codes = [shown(of["codes"][when]) for when in ("idle", "waiting", "after")]
    lines.append("\nWhat is compared:\n")
    lines.append(f"- **doorkey**: {text.APPS_OF_DOORKEY}.")
    lines += [f"- **{name}**: {does}." for name, does in of["does"].items()]
    lines.append(f"\n{text.CODES.format(*codes)}")
    return "\n".join(lines) + "\n"


def mails(run):
    of = run["mail"]
    lines = [
        "## Mail\n",
        text.MAIL,
        "| | CPU with its mail, µs | of the answer, µs | answers a second | p99, ms | mails a second |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("asked for by people", "asked for by the back office"):
        one = of[name]
        cells = [shown(one["cpu"]), shown(one["cpu of the answer"]), shown(one["rate"], 0)]
        lines.append(f"| {name} | {' | '.join(cells)} | {one['p99']['median']:.2f} | {shown(one['mails'], 0)} |")
    full, empty = of["reuse, full outbox"]["cpu"], of["reuse, empty outbox"]["cpu"]
    lines.append(f"\nA live link again takes {shown(full)} µs beside 20,000 waiting mails, and {shown(empty)} µs beside none.")
    return "\n".join(lines) + "\n"


def openings(run):
    lines = ["## Openings\n", text.OPENINGS, "| | CPU, µs | a second | p99, ms |", "|---|---|---|---|"]
    for name, one in run["openings"].items():
        lines.append(f"| {name} | {shown(one['cpu'])} | {shown(one['rate'], 0)} | {one['p99']['median']:.2f} |")
    return "\n".join(lines) + "\n"


def lists(run):
    of = {**run["lists"], **{f"the desk: {name}": one for name, one in run["desk"].items()}}
    lines = [
        "## Lists\n",
        text.LISTS,
        f"| a page | {FEW:,} rows: CPU, ms | {USERS:,} rows: CPU, ms | times | p50, ms | p99, ms |",
        "|---|---|---|---|---|---|",
    ]
    few, many = f", {FEW:,}", f", {USERS:,}"
    for page in [name.removesuffix(few) for name in of if name.endswith(few)]:
        small, large = of[page + few]["cpu"], of[page + many]
        cells = [shown(in_milliseconds(small), 2), shown(in_milliseconds(large["cpu"]), 2)]
        cells += [f"{large['cpu']['median'] / small['median']:.2f}", *(f"{large[key]['median']:.2f}" for key in ("p50", "p99"))]
        lines.append(f"| {page} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def in_milliseconds(of):
    return {key: value / 1e3 for key, value in of.items()}


def imports(run):
    of = run["import"]
    lines = [
        "## Imports\n",
        text.IMPORTS,
        "| | rows a second | CPU a row, µs | PostgreSQL's, µs | new links a second meanwhile | their p99, ms | p99 without the import |",
        "|---|---|---|---|---|---|---|",
        f"| *bare loop* | {shown(of['bare loop']['rate'], 0)} | | | | | |",
    ]
    for name, one in of.items():
        if name != "bare loop":
            database = shown(one["database_cpu"]) if name == "PostgreSQL" else ""
            links = [shown(one[key], digits) if key in one else "" for key, digits in [("links", 0), ("p99", 1), ("p99 without", 1)]]
            cells = [shown(one["rate"], 0), shown(one["row_cpu"]), database, *links]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def growth(run):
    of = run["size"]["reuse"]
    lines = [
        "## How cost grows\n",
        text.GROWTH,
        "| people | CPU, µs | times | a second | p50, ms | p99, ms | memory at its highest, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    least = next(iter(of.values()))["cpu"]["median"]
    for people, one in of.items():
        cells = [shown(one["cpu"]), f"{one['cpu']['median'] / least:.2f}", shown(one["rate"], 0)]
        cells += [f"{one['p50']['median']:.2f}", f"{one['p99']['median']:.2f}", shown(one["memory"])]
        lines.append(f"| {people} | {' | '.join(cells)} |")
    first, last = next(iter(of)), list(of)[-1]
    times = of[last]["cpu"]["median"] / least
    lines.append(f"\nFrom {first} people to {last}, the cost of a live link grows {times:.2f} times.")
    return "\n".join(lines) + "\n"


def rest(run):
    wrk, start = run["wrk"], run["start"]
    return f"""\
## The rest

- **Bare loop**: {shown(run['new']['bare loop']['rate'], 0)} rows a second of what a new link leaves behind.
- **Memory**: {start['idle']:.1f} MB idle, with 1,000,000 users in the database.
- **First answer** after the start, a login link, 1,000,000 users in the database:
  {shown(start['first answer'])} ms of seven starts, files in the page cache.
- **`wrk`** on one and the same request, one thread: {wrk['baseline']['wrk']:,.0f} requests a second of the baseline
  (our generator: {wrk['baseline']['ours']:,.0f}), {wrk['reuse']['wrk']:,.0f} of doorkey ({wrk['reuse']['ours']:,.0f}).
"""


def over_postgres(run):
    lines = [
        "## Many nodes\n",
        text.NODES,
        "| | doorkey's CPU, µs | PostgreSQL's, µs | a second | p50, ms | p99, ms |",
        "|---|---|---|---|---|---|",
    ]
    embedded = run["reuse"]["reuse"]
    rows = {"embedded, 100,000 of 1,000,000": embedded, **{name.partition(", ")[2]: of for name, of in run["nodes"].items()
                                                     if name.startswith("reuse, ")}}
    for title, of in rows.items():
        database = shown(of["database_cpu"]) if "database_cpu" in of else ""
        latency = " | ".join(f"{of[key]['median']:.2f}" for key in ("p50", "p99"))
        lines.append(f"| {title} | {shown(of['cpu'])} | {database} | {shown(of['rate'], 0)} | {latency} |")
    return "\n".join(lines) + "\n"


def beside(peers):
    doorkey = peers["doorkey"]
    lines = [
        "## Beside others\n",
        targets.table(targets.of_peers(peers)),
        "\n![CPU beside others](images/performance-peers.svg)\n",
        "CPU is that of all processes of a server, PostgreSQL's in brackets on top; memory is their proportional share.\n",
        "| | issue, µs | issues a second | redeem, µs | redemptions a second | idle, MB | first answer, ms |",
        "|---|---|---|---|---|---|---|",
    ]
    rest_of = f"{doorkey['idle']:.0f} | {doorkey['first answer']:.0f} |"
    redeem = doorkey["redeem"]
    for title, issue in [("doorkey, a new link", "new"), ("doorkey, a live link again", "reuse")]:
        of = doorkey[issue]
        lines.append(f"| {title} | {shown(of['cpu'], 0)} | {of['rate']['median']:,.0f} | {shown(redeem['cpu'], 0)} "
                     f"| {redeem['rate']['median']:,.0f} | {rest_of}")
    others = [(name, of) for name, of in peers.items() if name not in ("versions", "doorkey")]
    for name, of in others:
        cells = []
        for what in ("issue", "redeem"):
            extra = of[what].get("database_cpu")
            extra = f" (+ {extra['median']:,.0f})" if extra and extra["median"] else ""
            cells += [f"{shown(of[what]['cpu'], 0)}{extra}", f"{of[what]['rate']['median']:,.0f}"]
        lines.append(f"| {name} | {' | '.join(cells)} | {of['idle']:.0f} | {of['first answer']:.0f} |")
    lines.append("\nWhat is compared:\n")
    lines.append(
        "- **doorkey**: one process; hands a live link out again, which writes nothing, or writes a row and an audit "
        "entry, durable before it is answered; a link works once; a redemption is a page and a button, so that no mail "
        "scanner uses it up; key, user and session are looked up in the database each time."
    )
    lines += [f"- **{name}**: {of['does']}." for name, of in others]
    lines.append(
        "\nThe others check one API key that is in their configuration, look the user up, and answer with the link; a "
        "redemption is one request. SQLite is in WAL with `synchronous=FULL` everywhere, PostgreSQL has `fsync` on. Their "
        "sources are in [bench/peer-servers](../bench/peer-servers).\n"
    )
    return "\n".join(lines)


def measured_with(versions):
    lines = ["## Measured with\n", *(f"- {name}: {value}" for name, value in versions.items())]
    return "\n".join(lines) + "\n"
