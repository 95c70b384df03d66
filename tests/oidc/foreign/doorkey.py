"""A doorkey of this run's own: one workspace, one person, an app for each application that is tried."""

import json
import os
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import tls
from failure import Failure

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def opener(root, *handlers):
    """Asks without a proxy, and trusts this root alone."""
    trusts = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=root))
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), trusts, *handlers)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(what, url, process, seconds, log):
    """Waits until something answers well at a URL."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Failure(f"{what} ended at once with {process.returncode}:\n{tail(log)}")
        try:
            DIRECT.open(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise Failure(f"{what} does not answer within {seconds} s:\n{tail(log)}")


def tail(path):
    with open(path, errors="replace") as log:
        return log.read()[-4000:]


def end(process):
    """Asks a process and all that it started to end, and then makes it."""
    for sign in (15, 9):
        try:
            os.killpg(process.pid, sign)
            process.wait(10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


class Doorkey:
    EMAIL, FIRST, LAST = "ada@example.org", "Ada", "Lovelace"

    def __init__(self, binary):
        self.binary = binary
        self.temporary = tempfile.TemporaryDirectory(prefix="foreign-")
        self.folder = self.temporary.name
        self.port, self.ops_port, tls_port = free_port(), free_port(), free_port()
        self.url = f"https://localhost:{tls_port}"
        self.root, *pair = tls.certificate(self.folder)
        tls.serve(tls_port, *pair, behind=self.port)
        self.opener = opener(self.root)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DOORKEY_")}
        self.environment = kept | {
            "DOORKEY_DATABASE": f"sqlite://{self.folder}/doorkey.db",
            "DOORKEY_SECRET_KEY_FILE": f"{self.folder}/doorkey.key",
            # All of a run comes from one address.
            "DOORKEY_LOGIN_MISSES_PER_MINUTE": "off",
            "DOORKEY_AUTH_FAILURES_PER_MINUTE": "off",
            # The applications are told of sign-outs where they are.
            "DOORKEY_OUTBOUND_ALLOW": "127.0.0.1",
        }
        self.process = None

    def __enter__(self):
        self.run("workspace", "create", "Acme", "--url", self.url)
        self.key = self.run_json("key", "create", "--workspace", "Acme", "--name", "foreign")["key"]
        names = ("--name-f", self.FIRST, "--name-l", self.LAST)
        self.user = self.run_json("user", "add", "--workspace", "Acme", "--email", self.EMAIL, *names)["id"]
        self.log = f"{self.folder}/doorkey.log"
        listen = ["--listen", f"127.0.0.1:{self.port}", "--ops-listen", f"127.0.0.1:{self.ops_port}"]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", *listen], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )
        try:
            wait_for("doorkey", f"http://127.0.0.1:{self.ops_port}/readyz", self.process, 30, self.log)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        end(self.process)
        self.temporary.cleanup()

    def run(self, *arguments):
        done = subprocess.run(
            [self.binary, *arguments], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )
        if done.returncode != 0:
            raise Failure(f"doorkey {' '.join(arguments)} failed: {done.stderr}")
        return done.stdout

    def run_json(self, *arguments):
        return json.loads(self.run(*arguments, "--json"))

    def add_app(self, name, *arguments):
        return self.run_json("app", "create", name, "--workspace", "Acme", *arguments)

    def refusals(self, client_id):
        """Why requests of an app were refused, which is noted within 5 s."""
        time.sleep(6)
        return self.run("app", "refusals", client_id, "--workspace", "Acme").strip()

    def link(self, **leads):
        """The person's login link; `app` and `redirect` say where it leads."""
        address = f"{self.url}/api/login_links/{self.user}?{urllib.parse.urlencode(leads)}"
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {self.key}"})
        with self.opener.open(request, timeout=15) as answer:
            return json.load(answer)["link"]
