"""Mail: asked for by people and by the back office, and what it leaves to everybody else while it waits."""

import contextlib
import http.client
import re
import shutil
import socket
import threading
import time

from .. import machine
from ..doorkey import HOST, WORKSPACE, Database
from ..load import drive, lines, numbers, to_the_end
from ..rounds import REST, USERS, rounds

# Mails of one run; a server keeps more asks than that at once.
MAILS = 4_000
# Mails that wait behind a mail server that says nothing.
WAITING = 20_000


def mail(_):
    """Mails that people ask for and that the back office asks for, each sent into a folder; and a live link again while 20,000 mails
    wait for a mail server that says nothing."""
    data = Database.with_users(USERS)
    data.command("workspace", "set", WORKSPACE, "mail_budget=1000000")
    begins = iter(range(1, USERS, MAILS))
    asked = rounds({
        "asked for by people": lambda: sent(data, by_people(data, next(begins))),
        "asked for by the back office": lambda: sent(data, by_the_back_office(data, next(begins), MAILS)),
    })
    return {**asked, **beside_a_full_outbox()}


def flags_of(target):
    return ["--smtp", target, "--mail-from", "login@example.com", "--asks-per-source", "off"]


def sent(data, action_of):
    """One run, until the last mail is sent. CPU is that of an answer and of its mail."""
    folder = data.folder / "mail"
    shutil.rmtree(folder, ignore_errors=True)
    with data.serve("mailing", flags_of(f"file:{folder}")) as server:
        action = action_of(server)
        time.sleep(1)
        before, begun = server.cpu_seconds(), time.perf_counter()
        run = to_the_end(server, action)
        answered = server.cpu_seconds()
        while len(list(folder.glob("*.eml"))) < run["operations"]:
            if time.perf_counter() - begun > 120:
                machine.stop(f"{len(list(folder.glob('*.eml')))} of {run['operations']} mails were sent in two minutes")
            time.sleep(0.1)
        took = time.perf_counter() - begun
        cpu = (server.cpu_seconds() - before) / run["operations"] * 1e6
        answer = (answered - before) / run["operations"] * 1e6
        return {**run, "cpu": cpu, "cpu of the answer": answer, "mails": run["operations"] / took}


def by_people(data, start):
    """The form of the login page, sent with the addresses of so many clients."""
    addresses = data.folder / "addresses"
    rows = range(start, start + MAILS)
    addresses.write_text("".join(f"{number * 0x9E3779B1 % 2**32:08x}-{number}@example.com\n" for number in rows))

    def action(server):
        cookie, proof = form_of(server)
        return {
            "method": "POST",
            "path": "/login/mail",
            "headers": [HOST, "Sec-Fetch-Site: same-origin", "Content-Type: application/x-www-form-urlencoded", f"Cookie: {cookie}"],
            "body": f"proof={proof}&email={{}}",
            "expect": 303,
            "values": lines(addresses, endless=False),
        }

    return action


def form_of(server):
    """The cookie and the value of the form on the login page."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
        connection.request("GET", "/login", headers=dict([HOST.split(": ", 1)]))
        page = connection.getresponse()
        cookie = page.headers["set-cookie"].partition(";")[0]
        return cookie, re.search(r'name="proof" value="([^"]+)"', page.read().decode())[1]


def by_the_back_office(data, start, count):
    """Clients who have no link yet get one by mail."""
    headers = [HOST, data.key()]
    values = numbers(count, start, endless=False)
    path = "/api/login_links/{}/mail"
    return lambda _: {"method": "POST", "path": path, "headers": headers, "expect": 202, "values": values}


def beside_a_full_outbox():
    """The same people have live links in both databases; in one of them a mail waits for each."""
    with silent_mail_server() as target:
        full, empty = Database.with_users(USERS, "full-outbox"), Database.with_users(USERS, "empty-outbox")
        with full.serve("filling", flags_of(target)) as server:
            to_the_end(server, by_the_back_office(full, 1, WAITING)(server))
        with empty.serve("filling") as server:
            to_the_end(server, empty.ask(numbers(WAITING, endless=False)))

        def again(data):
            with data.serve("mailing", flags_of(target)) as server:
                time.sleep(1)
                return drive(server, data.ask(numbers(WAITING)), rest=REST)

        return rounds({
            "reuse, empty outbox": lambda: again(empty),
            "reuse, full outbox": lambda: again(full),
        })


@contextlib.contextmanager
def silent_mail_server():
    """Takes every connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        held = []

        def hold():
            with contextlib.suppress(OSError):
                while True:
                    held.append(listener.accept()[0])

        threading.Thread(target=hold, daemon=True).start()
        yield f"smtp+plain://127.0.0.1:{listener.getsockname()[1]}"
        for connection in held:
            connection.close()
