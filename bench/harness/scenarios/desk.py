"""The desk: what it costs that openings are noted, and what its pages cost however much there is to show."""

import contextlib
import functools
import http.client
import json
import re
import sqlite3
import time

from .. import machine
from ..doorkey import HOST, WORKSPACE, Database, tokens_of
from ..load import drive, lines, numbers, to_the_end
from ..rounds import FEW, REST, USERS, rounds
from ..rows import copies
from ..servers import free_port

# So many live links are opened, in no order.
OPENED = 20_000
DAYS = 90
# A browser of today, so that nothing speaks for a machine.
BROWSER = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Accept-Language: en",
    "Sec-Fetch-Site: none",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Dest: document",
]


def openings(_):
    """The page of a live link, with its opening noted and without; at the highest rate, where much is dropped, and at 500 a second, where
    nothing is."""
    servers = {}
    for name in ("noted", "not noted"):
        data = Database.with_users(USERS, f"openings-{name.replace(' ', '-')}")
        data.command("workspace", "set", WORKSPACE, f"record_openings={'true' if name == 'noted' else 'false'}")
        answers = data.folder / "answers"
        with data.serve("before") as server:
            to_the_end(server, data.ask(numbers(OPENED, endless=False), save=str(answers)))
        servers[name] = data, tokens_of(answers)

    def once(name, rate=None):
        data, tokens = servers[name]
        page = {"path": "/login?token={}", "headers": [HOST, *BROWSER], "expect": 200, "values": lines(tokens, endless=True)}
        with data.serve("opened") as server:
            time.sleep(1)
            # An opening is settled some seconds later, and that counts.
            return drive(server, page, rate=rate, rest=3 * REST)

    return rounds({
        f"{name}{how}": functools.partial(once, name, rate)
        for rate, how in [(None, ""), (500, ", 500 a second")]
        for name in servers
    })


def desk(_):
    """Pages of the admin desk, of a workspace with 1,000 rows of a kind and of one with 1,000,000."""
    runs = {}
    with contextlib.ExitStack() as stack:
        for count in (FEW, USERS):
            data = Database.with_users(count, f"desk-{count}")
            with data.serve("before") as server:
                to_the_end(server, data.ask(numbers(1, endless=False)))
            copies(data, "login_links", count)
            figures(data, count)
            port = free_port()
            flags = ["--admin-listen", f"127.0.0.1:{port}"]
            server = stack.enter_context(data.serve(f"desk-{count}", flags))
            cookie = signed_in(data, port)
            for page in ("/?days=90", "/clients", "/sessions", "/logs", "/keys"):
                name = f"{page.partition('?')[0].strip('/') or 'overview'}, {count:,}"
                runs[name] = functools.partial(pages_of, server, port, cookie, f"/w/1{page}")
        return rounds(runs)


def pages_of(server, port, cookie, path):
    headers = [f"Host: 127.0.0.1:{port}", f"Cookie: {cookie}"]
    asked = {"path": path, "headers": headers, "expect": 200, "values": numbers(FEW)}
    return drive(OnPort(server, port), asked, connections=2, seconds=3)


class OnPort:
    """A server on another one of its ports."""

    def __init__(self, server, port):
        self.name, self.ports, self.cpu_seconds = server.name, [port], server.cpu_seconds


def figures(data, count):
    """So many links over the days, as the server counts them by the hour."""
    hour = int(time.time()) // 3600 * 3_600_000
    hours = [hour - 3_600_000 * number for number in range(24 * DAYS)]
    each = max(1, count // len(hours))
    with contextlib.closing(sqlite3.connect(data.folder / "doorkey.db")) as database:
        database.executemany(
            "INSERT INTO link_stats (workspace_id, hour, kind, slot, issued, recorded, opened, signed_in, tried_900) "
            "VALUES (1, ?, 'api', 0, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(at, each, each, each // 2, each // 2, each // 2) for at in hours[: max(1, count // each)]],
        )
        database.commit()


def signed_in(data, port):
    """The session cookie of an operator."""
    made = json.loads(data.command("admin", "link", "--name", "Bench", "--admin-listen", f"127.0.0.1:{port}", "--json"))
    path = "/" + made["url"].split("/", 3)[3]
    host = f"127.0.0.1:{port}"
    with contextlib.closing(http.client.HTTPConnection(host)) as connection:
        connection.request("GET", path)
        page = connection.getresponse()
        cookies = [value.partition(";")[0] for name, value in page.getheaders() if name.lower() == "set-cookie"]
        fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.read().decode())
        body = "&".join(f"{name}={value}" for name, value in fields)
        headers = {"Cookie": "; ".join(cookies), "Content-Type": "application/x-www-form-urlencoded",
                   "Origin": f"http://{host}"}
        connection.request("POST", "/sign-in", body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 303:
            machine.stop(f"signing in on the admin pages: {answer.status}")
        return answer.headers["set-cookie"].partition(";")[0]
