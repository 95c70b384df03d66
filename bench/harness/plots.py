"""Plots as SVG: bars on a logarithmic scale, readable in light and in dark."""

import math

WIDTH, LEFT, RIGHT, BAR, GAP = 760, 250, 90, 20, 9
COLOURS = {"baseline": "#8a8f98", "doorkey": "#2f6fde", "peer": "#c2803a"}
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.faint{fill:#6a737d;font-size:11px}"
    "line{stroke:#d0d7de}path{stroke:#24292f;stroke-width:2}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#8b949e}line{stroke:#30363d}"
    "path{stroke:#e6edf3}}"
)


def bars(title, unit, values):
    """`values` are (name, kind, median, least, most); the thin line on a bar goes from the least to the most."""
    low = 10 ** math.floor(math.log10(min(least for *_, least, _ in values)))
    high = 10 ** math.ceil(math.log10(max(most for *_, most in values)))
    span = math.log10(high / low)

    def x(value):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log10(max(value, low) / low) / span

    height = 62 + len(values) * (BAR + GAP)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">',
        f"<style>{STYLE}</style>",
        f'<text x="0" y="16" font-weight="600">{title}</text>',
    ]
    mark = low
    while mark <= high:
        out.append(f'<line x1="{x(mark):.1f}" y1="28" x2="{x(mark):.1f}" y2="{height - 24}"/>')
        label = f"{mark:,.0f} {unit}" if mark >= 1 else f"{mark:g} {unit}"
        out.append(f'<text class="faint" x="{x(mark):.1f}" y="{height - 8}" text-anchor="middle">{label}</text>')
        mark *= 10
    for place, (name, kind, median, least, most) in enumerate(values):
        y = 34 + place * (BAR + GAP)
        out.append(f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{name}</text>')
        out.append(f'<rect x="{LEFT}" y="{y}" width="{max(x(median) - LEFT, 1):.1f}" height="{BAR}" rx="2" fill="{COLOURS[kind]}"/>')
        middle = y + BAR / 2
        out.append(f'<path d="M{x(least):.1f} {middle}H{x(most):.1f}"/>')
        out.append(f'<text x="{x(most) + 6:.1f}" y="{y + 15}">{median:,.0f}</text>')
    return "\n".join([*out, "</svg>", ""])


def of_run(results):
    """CPU of each kind of operation, beside the baseline's."""
    wanted = [
        ("reuse", "reuse", "a live link, of 100,000 people"),
        ("reuse", "reuse, again and again", "a live link, of 1,000 people"),
        ("verify", "verify", "/auth/verify"),
        ("verify", "verify, first in a minute", "/auth/verify, first in a minute"),
        ("mixed", "mixed", "mixed"),
        ("mail-merge", "mail merge", "a link of a mail merge"),
        ("new", "new", "a new link"),
        ("redeem", "redeem", "page and confirm"),
    ]
    values = [("baseline: a constant", "baseline", *spread(results["reuse"]["baseline"]["cpu"]))]
    values += [(title, "doorkey", *spread(results[scenario][name]["cpu"])) for scenario, name, title in wanted]
    return bars("CPU of the server by operation, 64 connections", "µs", values)


def of_peers(results):
    """CPU of issuing and of redeeming, doorkey's and the others'."""
    doorkey = results["doorkey"]
    values = [("doorkey: a live link again", "doorkey", *spread(doorkey["reuse"]["cpu"])),
              ("doorkey: a new link", "doorkey", *spread(doorkey["new"]["cpu"]))]
    peers = [(name, of) for name, of in results.items() if name not in ("versions", "doorkey")]
    values += [(f"{name}: a link", "peer", *spread(of["issue"]["cpu"])) for name, of in peers]
    values.append(("doorkey: redemption", "doorkey", *spread(doorkey["redeem"]["cpu"])))
    values += [(f"{name}: redemption", "peer", *spread(of["redeem"]["cpu"])) for name, of in peers]
    return bars("CPU of all the server's processes by operation, 64 connections", "µs", values)


def spread(of):
    return of["median"], of["least"], of["most"]
