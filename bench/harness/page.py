"""docs/performance.md and its plots, drawn from what bench/run and bench/peers left in target/bench."""

import json

from . import machine, plots, targets

PAGE = machine.ROOT / "docs/performance.md"
IMAGES = machine.ROOT / "docs/images"

INTRO = """\
# How fast doorkey is

Written by `bench/run` and `bench/peers`; do not edit it by hand. To measure on your own machine:

```
bench/run                 # against a server that does nothing; the first time it imports 1,000,000 users
bench/run --long          # with 10,000,000 users too, which are imported once
bench/run reuse verify    # some scenarios, to the terminal only
bench/peers               # against django-sesame, better-auth and passport-magic-login, which it installs
cargo bench               # the single steps
bench/instructions        # instructions by request, against the kept numbers
```
"""

HOW = """\
## How it is measured

- The server, the load generator and, where there is one, the database run on the same machine, over loopback, without
  TLS. The **baseline** is [examples/baseline.rs](../examples/baseline.rs): the HTTP stack of doorkey (hyper and axum on tokio's
  threads, `TCP_NODELAY`), answering a constant JSON of a login link's length.
- The load comes from [examples/load](../examples/load/main.rs), on one thread. Common generators cannot follow a link
  to its button with the page's cookie, use every token once, or hold each answer against the status expected of it;
  what it gives on plain requests is held against `wrk` below. A single unexpected answer ends the run with an error.
- **CPU** is the server's user and system time from `/proc/PID/stat`, of all its processes, divided by the operations.
  Three runs each, in turn with the baseline's (A B A B A B); shown are the median and, in brackets, the least and the most.
- doorkey runs as `doorkey serve` does by default (log of every request as text, to standard error, which is a file
  here), on SQLite in WAL with `synchronous=FULL`. 1,000,000 users are in the database unless something else is said.
- A *redemption* is two requests, the page and its button, and counts as one operation. *Mixed* is 90 % `/auth/verify`,
  8 % reuse, 1 % new links, 1 % redemptions.
- *Bare loop* is [examples/raw_inserts.rs](../examples/raw_inserts.rs): one thread that does nothing but insert login links with their
  audit entries into doorkey's schema and set the users' newest links, 64 to a commit, with the same pragmas, on the same disk.
  One of its rows is all that one new link leaves behind.
- With a rate (*half rate*: half of the highest rate measured just before) operations begin when they are due, whether
  or not those before have ended, and their time counts from then.
"""

OPERATIONS = [
    ("reuse", "reuse", "a live link again"),
    ("reuse", "reuse, half rate", "the same, at half of that rate"),
    ("reuse", "baseline, that rate", "*baseline, at that rate*"),
    ("verify", "verify", "`/auth/verify`, signed in"),
    ("new", "new", "a new link"),
    ("new", "new, 256 connections", "a new link, 256 connections"),
    ("new", "new, half rate", "the same, at half of that rate"),
    ("redeem", "redeem", "a redemption"),
    ("mixed", "mixed", "mixed"),
    ("clients", "clients, 1,000", "a page of `GET /api/clients`, 1,000 users"),
    ("clients", "clients, 1,000,000", "a page of `GET /api/clients`, 1,000,000 users"),
]


def write():
    """Writes the page from what there is: the results of bench/run, and of bench/peers if it was run."""
    run = load("run.json")
    if run is None:
        machine.say("==> docs/performance.md is written once `bench/run` has measured everything")
        return
    parts = [INTRO, "## Targets\n", targets.table(targets.of_run(run)), "", operations(run), rest(run), over_postgres(run)]
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / "performance-cpu.svg").write_text(plots.of_run(run))
    if peers := load("peers.json"):
        (IMAGES / "performance-peers.svg").write_text(plots.of_peers(peers))
        parts.append(beside(peers))
    engines = {"SQLite in doorkey": run["new"]["sqlite"], "PostgreSQL": run["nodes"]["version"]}
    versions = {**run["versions"], **engines, **(peers or {}).get("versions", {})}
    parts += [HOW, measured_with(versions)]
    PAGE.write_text("\n".join(parts))
    machine.say(f"==> wrote {PAGE.relative_to(machine.ROOT)}")


def load(name):
    path = machine.SCRATCH / name
    return json.loads(path.read_text()) if path.exists() else None


def shown(of, digits=1):
    median, least, most = of["median"], of["least"], of["most"]
    return f"{median:,.{digits}f} ({least:,.{digits}f}-{most:,.{digits}f})"


def line(title, of):
    latency = " | ".join(f"{of[key]['median']:.2f}" for key in ("p50", "p99", "p999"))
    return f"| {title} | {shown(of['cpu'])} | {shown(of['rate'], 0)} | {latency} |"


def operations(run):
    lines = [
        "## Each operation\n",
        "![CPU of each operation](images/performance-cpu.svg)\n",
        "| | CPU, µs | a second | p50, ms | p99, ms | p99.9, ms |",
        "|---|---|---|---|---|---|",
    ]
    for scenario in ("reuse", "verify", "new", "redeem", "mixed", "clients"):
        lines.append(line(f"*baseline, beside {scenario}*", run[scenario]["baseline"]))
        lines += [line(title, run[scenario][name]) for of, name, title in OPERATIONS if of == scenario]
    return "\n".join(lines) + "\n"


def rest(run):
    size, wrk = run["size"], run["wrk"]
    few, many = [name for name in size if name.startswith("reuse, ")]
    return f"""\
- **Import** of 100,000 users into an empty database: {shown(run['import']['import']['rate'], 0)} rows a second,
  {shown(run['import']['import']['cpu'])} µs of CPU a row. It rests between batches, so that a running server is not held up.
- **Bare loop**: {shown(run['new']['bare loop']['rate'], 0)} rows a second.
- **Many users**: {shown(size[few]['cpu'])} µs by reuse with 1,000 users, {shown(size[many]['cpu'])} µs with {size['users']:,}, of whom
  200,000, spread evenly over all, have a live link and are asked for in no order.
- **Memory**: {run['start']['idle']:.1f} MB idle, {run['reuse']['memory']['highest']:.1f} MB at the highest under reuse,
  {size['memory']['highest']:.1f} MB at the highest while serving {size['users']:,} users.
- **First answer** after the start, a login link, 1,000,000 users in the database:
  {shown(run['start']['first answer'])} ms of seven starts, files in the page cache.
- **`wrk`** on one and the same request, one thread: {wrk['baseline']['wrk']:,.0f} requests a second of the baseline
  (our generator: {wrk['baseline']['ours']:,.0f}), {wrk['reuse']['wrk']:,.0f} of doorkey ({wrk['reuse']['ours']:,.0f}).
"""


def over_postgres(run):
    lines = [
        "## Many nodes\n",
        "A live link again over PostgreSQL, 1,000 users, 64 connections shared out among the nodes. All of it runs on the "
        "same cores, so more nodes cannot answer more here; what counts is what each request takes.\n",
        "| | doorkey's CPU, µs | PostgreSQL's, µs | a second | p50, ms | p99, ms |",
        "|---|---|---|---|---|---|",
    ]
    embedded = run["reuse"]["reuse"]
    rows = {"embedded, for comparison": embedded, **{name.partition(", ")[2]: of for name, of in run["nodes"].items()
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
