"""The app's part of one module: it asks, sends the browser, takes the code, and has what came back checked."""

import base64
import hashlib
import json
import secrets
import urllib.parse

from . import checks
from .browser import Browser, Left, Page, plain_opener, send


class Settings:
    """The suite's configuration file, and where the suite that this run stands in for would be reached."""

    def __init__(self, config, suite_url):
        self.config = config
        self.discovery_url = config["server"]["discoveryUrl"]
        base = f"{suite_url.rstrip('/')}/test/a/{config['alias']}"
        self.redirect_uri = f"{base}/callback"
        self.post_logout_redirect_uri = f"{base}/post_logout_redirect"

    def server(self, name, otherwise):
        return self.config["server"].get(name) or otherwise


class RelyingParty:
    """What a module works with. Each has a browser of its own, in which nobody is signed in."""

    def __init__(self, settings, provider, notes):
        self.settings, self.provider, self.notes = settings, provider, notes
        self.opener = plain_opener()
        self.client = settings.config["client"]
        self.secret_in = "header"
        self.sent = {}
        self.metadata = checks.discovery(self)
        self.keys = checks.keys(self)
        self.browser = Browser(self.metadata["issuer"])

    # Requests without a browser.

    def call(self, method, url, headers=None, fields=None):
        body = None if fields is None else urllib.parse.urlencode(fields).encode()
        status, answer_headers, answer = send(self.opener, method, url, headers or {}, body)
        return Answer(url, status, answer_headers, answer)

    # Asking for a code.

    def request(self, **more):
        """The parameters of a request as the suite sends it; one that is None is left out."""
        parameters = {
            "client_id": self.client["client_id"],
            "redirect_uri": self.settings.redirect_uri,
            "scope": "openid",
            "state": secrets.token_urlsafe(12),
            "nonce": secrets.token_urlsafe(12),
            "response_type": "code",
            **more,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def authorize(self, parameters, method="GET", order=list):
        """Where the browser is once the person has done what the provider asked."""
        self.sent = parameters
        pairs = order(parameters.items())
        address = self.metadata["authorization_endpoint"]
        if method == "POST":
            page = self.browser.post(address, pairs)
        else:
            page = self.browser.get(f"{address}?{urllib.parse.urlencode(pairs, quote_via=urllib.parse.quote)}")
        return self.provider.go_on(self.browser, page)

    def code(self, parameters, **how):
        """A code, by way of a sign-in where one is needed."""
        return checks.code(self, self.authorize(parameters, **how))

    # Exchanging it.

    def exchange(self, code, **more):
        """The token endpoint's answer, whatever it is."""
        return self.token_request(
            grant_type="authorization_code", code=code, redirect_uri=self.settings.redirect_uri, **more
        )

    def token_request(self, **fields):
        headers = {"Accept": "application/json"}
        if self.secret_in == "header":
            headers["Authorization"] = basic(self.client)
        else:
            fields |= {"client_id": self.client["client_id"], "client_secret": self.client["client_secret"]}
        return self.call("POST", self.metadata["token_endpoint"], headers, fields)

    def tokens(self, code, **more):
        """The tokens for a code, checked."""
        return checks.tokens(self, self.exchange(code, **more))

    def flow(self, parameters=None, **how):
        """A whole sign-in as most modules have it: code, tokens, and userinfo asked once."""
        tokens = self.tokens(self.code(parameters or self.request(), **how))
        tokens["userinfo"] = self.userinfo(tokens)
        return tokens

    # Asking who it is.

    def userinfo(self, tokens, way="get"):
        answer = self.ask_userinfo(tokens["access_token"], way)
        return checks.userinfo(self, answer, tokens["claims"])

    def ask_userinfo(self, token, way="get"):
        address = self.metadata["userinfo_endpoint"]
        if way == "post body":
            return self.call("POST", address, {}, {"access_token": token})
        bearer = {"Authorization": f"Bearer {token}"}
        return self.call("GET" if way == "get" else "POST", address, bearer, None if way == "get" else {})

    # Signing out.

    def end_session(self, parameters):
        address = self.metadata["end_session_endpoint"]
        query = urllib.parse.urlencode(parameters)
        return self.browser.get(f"{address}?{query}" if query else address)

    def needs_a_sign_in(self):
        """With `prompt=none` the provider must say that nobody is signed in."""
        answer = self.authorize(self.request(prompt="none", state=secrets.token_urlsafe(96)))
        checks.error(self, answer, checks.NEED_A_PERSON)

    # What was shown.

    def shows_an_error(self, answer):
        """The browser was not sent anywhere: the provider shows a page of its own that says what is wrong."""
        is_page = isinstance(answer, Page)
        self.notes.expect(is_page and 400 <= answer.status < 500, "an error page of the provider", answer)

    def came_back(self, answer, target):
        self.notes.need(
            isinstance(answer, Left) and answer.target == target, f"a redirect to {target}", answer
        )
        return answer.parameters


class Answer:
    """An answer that no browser sees."""

    def __init__(self, url, status, headers, body):
        self.url, self.status, self.headers, self.body = url, status, headers, body

    @property
    def media_type(self):
        return (self.headers.get("content-type") or "").split(";")[0].strip().lower()

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __str__(self):
        return f"{self.status} {self.media_type} {self.body[:300].decode('utf-8', 'replace')}"


def basic(client):
    halves = (urllib.parse.quote_plus(client[name]) for name in ("client_id", "client_secret"))
    return "Basic " + base64.b64encode(":".join(halves).encode()).decode()


def challenge(verifier):
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
