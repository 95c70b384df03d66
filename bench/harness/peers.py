"""What somebody would pick instead: installed at pinned versions, set up by its own documentation, filled and served."""

import os
import secrets
import shutil
from pathlib import Path

from . import machine
from .load import lines
from .servers import Server, free_port

SOURCES = machine.ROOT / "bench/peer-servers"
INSTALLED = machine.TARGET / "peers"
HOST = "Host: portal.example.com"
USERS = 40_000


class Peer:
    """One of them over one database."""

    name = folder = None
    method, redeemed = "GET", 302
    # What is to be said of it beside its numbers.
    does = ""

    def __init__(self, engine="SQLite", postgres=None):
        self.engine, self.postgres = engine, postgres
        self.title = f"{self.name}, {engine}"
        self.home = INSTALLED / self.folder
        self.key = secrets.token_urlsafe(32)
        self.port = free_port()
        self.environment = {
            "BENCH_KEY": self.key,
            "BENCH_SECRET": secrets.token_urlsafe(48),
            "BENCH_PORT": str(self.port),
            "BENCH_ENGINE": "postgres" if postgres else "sqlite",
            "BENCH_DATABASE": str(machine.SCRATCH / f"{self.folder}-{engine}" / "peer.db"),
            # gunicorn leaves a socket in its home.
            "HOME": str(machine.SCRATCH),
            "BENCH_POSTGRES_PORT": str(postgres.port if postgres else 0),
            "NODE_ENV": "production",
        }

    def install(self):
        """Its packages, in a folder of its own that is made once for each list of them; its sources beside them."""
        source = SOURCES / self.folder
        wanted = (source / self.list).read_text()
        if not (self.home / self.list).exists() or (self.home / self.list).read_text() != wanted:
            machine.say(f"==> installing {self.name}")
            shutil.rmtree(self.home, ignore_errors=True)
            self.home.mkdir(parents=True)
            self.fetch(source / self.list)
        for file in source.iterdir():
            shutil.copy(file, self.home / file.name)

    def prepare(self):
        self.install()
        folder = Path(self.environment["BENCH_DATABASE"]).parent
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if self.postgres:
            self.postgres.fresh(self.folder)
        machine.run(*self.filling(), cwd=self.home, env={**os.environ, **self.environment})

    def serve(self):
        head = "\r\n".join([f"{self.method} /issue/1 HTTP/1.1", *self.headers(), "", ""])
        return Server(f"{self.folder}-{self.engine}", self.serving(), self.port, head.encode(), self.environment, self.home)

    def headers(self):
        return [HOST, f"Authorization: Bearer {self.key}", "Content-Type: application/json", "Content-Length: 0"]

    def ask(self, values, **more):
        asked = {"method": self.method, "path": "/issue/{}", "headers": self.headers(), "expect": 200}
        return {**asked, "values": values, **more}

    def redeem(self, paths):
        return {"path": "{}", "headers": [HOST], "expect": self.redeemed, "values": lines(paths, endless=False)}


class Node(Peer):
    list = "package.json"

    def fetch(self, wanted):
        shutil.copy(wanted, self.home)
        machine.run("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", cwd=self.home)

    def filling(self):
        return "node", "fill.js", USERS

    def serving(self):
        return "node", "server.js"


class BetterAuth(Node):
    name, folder = "better-auth", "better_auth"
    does = "one Node process; writes a row for each link and never reuses one; a link works once; sessions in the database"


class PassportMagicLogin(Node):
    name, folder, method = "passport-magic-login", "passport_magic_login", "POST"
    does = "one Node process; signs a JWT and stores nothing; a link works any number of times; sessions in memory"

    def filling(self):
        return "node", "server.js", "fill", USERS


class DjangoSesame(Peer):
    name, folder, list = "django-sesame", "django_sesame", "requirements.txt"
    does = (
        "gunicorn with two workers a core and one more; signs a token and stores nothing; with `SESAME_ONE_TIME` a link "
        "dies when its user signs in; sessions in the database"
    )

    def fetch(self, wanted):
        machine.run("python3", "-m", "venv", self.home / "venv")
        machine.run(self.home / "venv/bin/pip", "install", "-q", "--disable-pip-version-check", "-r", wanted)
        shutil.copy(wanted, self.home)

    def filling(self):
        return self.home / "venv/bin/python", "portal.py", "fill", USERS

    def serving(self):
        workers = 2 * os.cpu_count() + 1
        flags = ["--workers", workers, "--bind", f"127.0.0.1:{self.port}", "--preload"]
        return self.home / "venv/bin/gunicorn", *flags, "portal:application"
