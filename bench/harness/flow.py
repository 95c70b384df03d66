"""Whole sign-ins to an app, one request led on to by the last: what examples/load cannot do.

It is Python and slow. That is as well: what is taken down is the server's CPU.
"""

import base64
import contextlib
import hashlib
import http.client
import json
import multiprocessing
import random
import secrets
import statistics
import time
import urllib.parse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from . import machine
from .load import SEEDS

# Each is a process of its own.
CONNECTIONS = 16
REDIRECT_URI = "https://app.example.com/callback"
SCOPE = "openid profile email"


@dataclass
class App:
    """An app and what it knows of its provider: where that is, and how requests come to it through a proxy."""

    client_id: str
    client_secret: str
    authorize: str
    token: str
    userinfo: str
    algorithm: str = "RS256"
    proxied: dict = field(default_factory=lambda: {"Host": "portal.example.com", "X-Forwarded-Proto": "https"})


class Browser:
    """A connection that is kept, with one request on it at a time. An answer that was not expected ends everything."""

    def __init__(self, port, app):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.proxied = app.proxied
        self.cookies = {}

    def ask(self, path, expect, form=None, **headers):
        """The headers and the body of an answer."""
        method, body, headers = "GET", None, {**self.proxied, **headers}
        if form is not None:
            method, body = "POST", urllib.parse.urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status not in expect:
            machine.stop(f"{method} {path}: {answer.status} {text[:300]!r}")
        return answer.headers, text

    def visit(self, path, form=None):
        """Asks with its cookies, and keeps those that it is given. Where it is sent on to, if it is."""
        headers, _ = self.ask(path, (200, 302, 303), form, Cookie=self.held())
        for given in headers.get_all("set-cookie", []):
            name, _, value = given.partition(";")[0].partition("=")
            self.cookies[name] = value
        return headers["location"]

    def held(self):
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


def query_for(app):
    """What an app sends a browser to its provider with, and what it keeps for itself."""
    kept = {"state": secrets.token_urlsafe(16), "nonce": secrets.token_urlsafe(16), "verifier": secrets.token_urlsafe(32)}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(kept["verifier"].encode()).digest()).decode().rstrip("=")
    query = {
        "client_id": app.client_id,
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "scope": SCOPE,
        "state": kept["state"],
        "nonce": kept["nonce"],
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{app.authorize}?{urllib.parse.urlencode(query)}", kept


def authorize(browser, app, session):
    """The first request, with the cookies of a session: a code, and what is needed to exchange it."""
    path, kept = query_for(app)
    headers, _ = browser.ask(path, (302, 303), Cookie=session)
    to, _, query = headers["location"].partition("?")
    answer = dict(urllib.parse.parse_qsl(query))
    if to != REDIRECT_URI or answer.get("state") != kept["state"] or not answer.get("code"):
        machine.stop(f"a person who is signed in was sent to {headers['location']}")
    return answer["code"], kept


def redeem(browser, app, code, kept, expect):
    """What the token endpoint says to a code."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI, "code_verifier": kept["verifier"]}
    basic = base64.b64encode(f"{app.client_id}:{app.client_secret}".encode()).decode()
    return json.loads(browser.ask(app.token, (expect,), form, Authorization=f"Basic {basic}")[1])


def exchange(browser, app, code, kept):
    """The second request: an access token, and who signed in by the ID token."""
    tokens = redeem(browser, app, code, kept, 200)
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in tokens["id_token"].split(".")[:2])
    if (header["alg"], claims["aud"], claims["nonce"]) != (app.algorithm, app.client_id, kept["nonce"]):
        machine.stop(f"not the ID token that was asked for: {header} {claims}")
    return tokens["access_token"], claims["sub"]


def sign_in(browser, app, session):
    """All three; who signed in."""
    code, kept = authorize(browser, app, session)
    token, sub = exchange(browser, app, code, kept)
    person = json.loads(browser.ask(app.userinfo, (200,), Authorization=f"Bearer {token}")[1])
    if person["sub"] != sub or not person.get("email"):
        machine.stop(f"userinfo of {sub} says {person}")
    return sub


def share(port, app, step, values):
    """One connection's part: what came of each step, and how many milliseconds it took."""
    browser, done = Browser(port, app), []
    with contextlib.closing(browser.connection):
        for value in values:
            begun = time.perf_counter()
            done.append((step(browser, app, value), (time.perf_counter() - begun) * 1e3))
    return done


def over_all(server, app, step, values):
    """A step for each value, shared out among all connections."""
    shares = [values[number::CONNECTIONS] for number in range(CONNECTIONS)]
    with ProcessPoolExecutor(CONNECTIONS, multiprocessing.get_context("fork")) as pool:
        parts = [pool.submit(share, server.port, app, step, part) for part in shares]
        return [one for part in parts for one in part.result()]


def in_no_order(values, count):
    """So many of them, in an order of its own: none comes again before all have come."""
    order, some = random.Random(next(SEEDS)), []
    while len(some) < count:
        some += order.sample(values, len(values))
    return some[:count]


def drive(server, app, sessions, count, rest=0):
    """One run of whole sign-ins. CPU is the server's, user and system, by sign-in, with what it does in so many seconds of rest."""
    before, begun = server.cpu_seconds(), time.perf_counter()
    done = over_all(server, app, sign_in, in_no_order(sessions, count))
    seconds = time.perf_counter() - begun
    time.sleep(rest)
    subjects = {sub for sub, _ in done}
    if len(subjects) != len(sessions):
        machine.stop(f"{server.name}: {len(sessions)} people signed in as {len(subjects)}")
    times = [took for _, took in done]
    return {
        "operations": count,
        "rate": count / seconds,
        "p50": statistics.median(times),
        "p99": statistics.quantiles(times, n=100)[98],
        "cpu": (server.cpu_seconds() - before) / count * 1e6,
    }
