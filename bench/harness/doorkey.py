"""doorkey: its databases, its server, and what is asked of it."""

import contextlib
import hashlib
import http.client
import json
import shutil

from . import machine
from .servers import Server, free_port

BINARY = machine.TARGET / "release/doorkey"
HOST = "Host: portal.example.com"
WORKSPACE = "Bench"


class Database:
    """A folder with a database, or what opens one that is elsewhere: its key file and an API key."""

    def __init__(self, folder, url=None):
        self.folder = folder
        url = url or f"sqlite://{folder}/doorkey.db"
        self.flags = ["--database", url, "--secret-key-file", folder / "doorkey.key"]

    @classmethod
    def empty(cls, folder, url=None):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        made = cls(folder, url)
        if url:
            made.command("secret", "create")
        made.command("workspace", "create", WORKSPACE, "--url", "https://portal.example.com")
        (folder / "api-key").write_text(made.command("key", "create", "--workspace", WORKSPACE, "--name", "bench"))
        return made

    @classmethod
    def with_users(cls, count, name="work"):
        """A copy, to be spoilt, of a database with this many clients; the first one is made once and kept."""
        schema = hashlib.sha256(
            b"".join(path.read_bytes() for path in sorted((machine.ROOT / "migrations/sqlite").glob("*.sql")))
        )
        kept = machine.SCRATCH / f"people-{count}-{schema.hexdigest()[:8]}"
        if not kept.exists():
            machine.say(f"==> filling a database with {count:,} users (once)")
            half = cls.empty(machine.SCRATCH / "half-filled")
            half.fill(count)
            half.folder.rename(kept)
        work = machine.SCRATCH / name
        shutil.rmtree(work, ignore_errors=True)
        machine.run("cp", "-a", "--reflink=auto", kept, work)
        machine.run("sync", "-f", work)
        return cls(work)

    def command(self, *words):
        return machine.run(BINARY, *self.flags, *words)

    def fill(self, count, workspace=WORKSPACE):
        """Clients 1 to `count`, by `doorkey user import`."""
        rows = self.rows(count)
        self.bring_in(rows, workspace)
        rows.unlink()

    def rows(self, count, start=1):
        """A file of so many clients: their ids in order, their addresses in none."""
        path = self.folder / "users.jsonl"
        with open(path, "w") as file:
            for number in range(start, start + count):
                email = f"{number * 0x9E3779B1 % 2**32:08x}-{number}@example.com"
                row = {"id": number, "email": email, "name_f": "User", "name_l": str(number)}
                file.write(json.dumps(row) + "\n")
        return path

    def bring_in(self, rows, workspace=WORKSPACE):
        self.command("user", "import", rows, "--workspace", workspace)

    def key(self):
        return f"Authorization: Bearer {(self.folder / 'api-key').read_text().strip()}"

    def another_workspace(self, name, host):
        """Headers that name another workspace and a key of it."""
        self.command("workspace", "create", name, "--url", f"https://{host}")
        key = self.command("key", "create", "--workspace", name, "--name", "bench").strip()
        return [f"Host: {host}", f"Authorization: Bearer {key}"]

    def serve(self, name="doorkey", flags=()):
        """`doorkey serve`, as it is by default, but for its ports and these flags."""
        port = free_port()
        command = [BINARY, *self.flags, "serve", "--listen", f"127.0.0.1:{port}"]
        command += ["--ops-listen", f"127.0.0.1:{free_port()}", *flags]
        probe = f"GET /api/login_links/1 HTTP/1.1\r\n{HOST}\r\n{self.key()}\r\n\r\n"
        return Server(name, command, port, probe.encode())

    # What is asked of it: each of these is one action of a plan.

    def ask(self, values, **more):
        """A login link is asked for: the live one, or a new one."""
        headers = [HOST, self.key()]
        return {"path": "/api/login_links/{}", "headers": headers, "expect": 200, "values": values, **more}

    def page(self, path, values):
        """A page of a list, by its number."""
        return {"path": path, "headers": [HOST, self.key()], "expect": 200, "values": values}

    def get(self, server, path):
        """What the API says, of the harness's own accord."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
            connection.request("GET", path, headers=dict(header.split(": ", 1) for header in [HOST, self.key()]))
            answer = connection.getresponse()
            if answer.status != 200:
                machine.stop(f"{server.name}: GET {path}: {answer.status} {answer.read()[:200]!r}")
            return json.load(answer)


def redeem(values, **more):
    """A link is opened and its button pressed: two requests."""
    path = "/login?token={}"
    return {"path": path, "headers": [HOST], "expect": 200, "then": "confirm", "values": values, **more}


def verify(values):
    """A proxy asks who is signed in."""
    return {"path": "/auth/verify", "headers": [HOST, "Cookie: {}"], "expect": 200, "values": values}


def tokens_of(answers):
    """Makes a file of tokens out of a file of answers."""
    path = answers.with_suffix(".tokens")
    links = (json.loads(line)["link"] for line in answers.read_text().splitlines())
    path.write_text("".join(link.partition("?token=")[2] + "\n" for link in links))
    return path
