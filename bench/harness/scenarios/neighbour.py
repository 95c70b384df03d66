"""What one workspace notices of the flood of another."""

import contextlib
import functools
import time

from .. import machine
from ..doorkey import Database
from ..load import beside, drive, numbers
from ..rounds import USERS, rounds

# So many clients does the flood ask about.
FLOODED = 80_000


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
            data.fill(FLOODED, "Flood")
            floods[name] = {
                "path": "/api/login_links/{}", "headers": headers, "expect": [200, 429], "values": numbers(FLOODED)
            }
            server = stack.enter_context(data.serve(name, flags))
            # The limit is everybody's, so what is asked for again later is asked for slowly at first.
            drive(server, data.ask(numbers(share, endless=False)), seconds=3600, rate=2 * rate)
            servers_of[name] = server, data
        deep = "/api/clients?limit=100&page={}&sort=name_f:desc&filters[name_l][$gt]=A"
        pages = {"path": deep, "expect": [200, 503], "values": numbers(FLOODED // 100)}
        floods["no limit, lists"] = {**floods["no limit"], **pages}

        def ask(name, values):
            server, data = servers_of[name]
            return drive(server, data.ask(values()), seconds=seconds, rate=rate)

        def flooded(name, values, of=""):
            with beside(servers_of[name][0], floods[name + of]) as flood:
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
