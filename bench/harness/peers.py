"""What somebody would pick instead: installed at pinned versions, set up by its own documentation, filled and served."""

import json
import os
import secrets
import shutil
from pathlib import Path

from . import flow, machine
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
    # What is asked until it answers.
    probe = "/issue/1"
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
            "BENCH_REDIRECT_URI": flow.REDIRECT_URI,
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
        """Installs it and fills its database; what its filling printed."""
        self.install()
        folder = Path(self.environment["BENCH_DATABASE"]).parent
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if self.postgres:
            self.postgres.fresh(self.folder)
        return machine.run(*self.filling(), cwd=self.home, env={**os.environ, **self.environment})

    def serve(self):
        head = "\r\n".join([f"{self.method} {self.probe} HTTP/1.1", *self.headers(), "", ""])
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


class BetterAuthProvider(Node):
    """Its provider of OpenID Connect. Both are pinned, since the provider does not come out with each version."""

    name, folder = "better-auth", "better_auth_oidc"
    does = (
        "one Node process; codes, tokens and sessions in the database, on SQLite in WAL with `synchronous=FULL`; its plugin "
        "`oauth-provider` at 1.7.5, with the key of its plugin `jwt` in the database; an app that skips consent"
    )

    def prepare(self):
        made = json.loads(super().prepare().splitlines()[-1])
        path = "/api/auth/oauth2"
        self.app = flow.App(made["client_id"], made["client_secret"], f"{path}/authorize", f"{path}/token", f"{path}/userinfo")

    def enter(self, browser, _, person):
        """The cookies of somebody who signed in by a magic link."""
        browser.cookies = {}
        issued = browser.ask(f"/issue/{person}", (200,), Authorization=f"Bearer {self.key}")[1]
        browser.visit(json.loads(issued)["link"].partition("portal.example.com")[2])
        return browser.held()


class OidcProvider(Node):
    name, folder, probe = "oidc-provider", "oidc_provider", "/.well-known/openid-configuration"
    does = (
        "9.13.3 in one Node process, whose version is older than it asks for; everything in memory, as by default, so nothing is "
        "written and nothing outlives the process; people are names that they typed, and they agreed once before"
    )

    def filling(self):
        return ("true",)

    def prepare(self):
        super().prepare()
        self.app = flow.App("bench", self.key, "/auth", "/token", "/me")

    def enter(self, browser, app, person):
        """The cookies of somebody who typed a name and then agreed, both on its own pages."""
        browser.cookies = {}
        to, _ = flow.query_for(app)
        for form in ({"prompt": "login", "login": f"user{person}"}, {"prompt": "consent"}):
            page = browser.visit(to)
            browser.visit(page)
            to = path_of(browser.visit(page, form))
        back = browser.visit(to)
        if not back.startswith(f"{flow.REDIRECT_URI}?code="):
            machine.stop(f"{self.title}: somebody who agreed was sent to {back}")
        # The other cookies are for paths of the interaction.
        browser.cookies = {name: value for name, value in browser.cookies.items() if name.startswith("_session")}
        return browser.held()


def path_of(url):
    return url.partition("portal.example.com")[2] or url


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
