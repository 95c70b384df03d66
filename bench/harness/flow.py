"""Sign-ins to an app by OpenID Connect: by the generator where they are measured, and by a browser of sorts where people first sign in to a
provider.
"""

import base64
import contextlib
import hashlib
import http.client
import json
import multiprocessing
import random
import re
import secrets
import urllib.parse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from . import load, machine
from .load import SEEDS, lines

# Of the requests that people make before the measurement, each from a process of its own.
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


    def basic(self):
        return f"Basic {base64.b64encode(f'{self.client_id}:{self.client_secret}'.encode()).decode()}"


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
    """A code, with the cookies of a session, and what is needed to exchange it."""
    path, kept = query_for(app)
    headers, _ = browser.ask(path, (302, 303), Cookie=session)
    return code_of(headers["location"], kept), kept


def code_of(sent_to, kept):
    to, _, query = sent_to.partition("?")
    answer = dict(urllib.parse.parse_qsl(query))
    if to != REDIRECT_URI or answer.get("state") != kept["state"] or not answer.get("code"):
        machine.stop(f"a person who is signed in was sent to {sent_to}")
    return answer["code"]


def redeem(browser, app, code, kept, expect):
    """What the token endpoint says to a code."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI, "code_verifier": kept["verifier"]}
    return json.loads(browser.ask(app.token, (expect,), form, Authorization=app.basic())[1])


def subject_of(app, id_token, kept):
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in id_token.split(".")[:2])
    if (header["alg"], claims["aud"], claims["nonce"]) != (app.algorithm, app.client_id, kept["nonce"]):
        machine.stop(f"not the ID token that was asked for: {header} {claims}")
    return claims["sub"]


def share(port, app, step, values):
    """One connection's part: what came of each step."""
    browser = Browser(port, app)
    with contextlib.closing(browser.connection):
        return [step(browser, app, value) for value in values]


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
    """One run of whole sign-ins, from the generator: authorize, the exchange of the code, userinfo. Each answer is judged afterwards."""
    people, answers = machine.SCRATCH / "people", machine.SCRATCH / "answers"
    people.write_text("".join(f"{session}\n" for session in in_no_order(sessions, count)))
    # One state, nonce and verifier will do for a run: whoever is asked cannot know.
    path, kept = query_for(app)
    headers = [f"{name}: {value}" for name, value in app.proxied.items()]
    form = urllib.parse.urlencode({"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": kept["verifier"]})
    token = {
        "method": "POST",
        "path": app.token,
        "headers": [*headers, f"Authorization: {app.basic()}", "Content-Type: application/x-www-form-urlencoded"],
        "body": form + "&code={1}",
        "expect": 200,
        "after": "?code=",
    }
    userinfo = {"path": app.userinfo, "headers": [*headers, "Authorization: Bearer {1}"], "expect": 200, "after": '"access_token":"'}
    action = {"path": path, "headers": [*headers, "Cookie: {}"], "expect": [302, 303], "steps": [token, userinfo],
              "save": str(answers), "values": lines(people, endless=False)}
    run = load.drive(server, action, seconds=3600, rest=rest)
    subjects = {judged(app, kept, json.loads(line)) for line in answers.read_text().splitlines()}
    if run["operations"] != count or len(subjects) != len(sessions):
        machine.stop(f"{server.name}: {len(sessions)} people signed in {run['operations']} times as {len(subjects)}")
    return run


def judged(app, kept, answers):
    """Who signed in, if all three answers are as they should be."""
    sent_to = re.search(r"(?i)^location: (\S+)", answers[0], re.MULTILINE)[1]
    tokens, person = (json.loads(answer[answer.index("{") : answer.rindex("}") + 1]) for answer in answers[1:])
    code_of(sent_to, kept)
    sub = subject_of(app, tokens["id_token"], kept)
    if person["sub"] != sub or not person.get("email"):
        machine.stop(f"userinfo of {sub} says {person}")
    return sub
