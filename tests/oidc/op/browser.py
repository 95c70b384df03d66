"""A browser over HTTP: it keeps cookies, follows redirects, fills in forms, and stops where the provider sends it away."""

import http.client
import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser

TIMEOUT = 30
HOPS = 20
# What self_test.py puts between this program and the provider.
BETWEEN = []


class Form:
    """A form of a page: where it goes, what is in it, and its buttons that have a name."""

    def __init__(self, attributes, url):
        self.method = (attributes.get("method") or "get").upper()
        self.action = urllib.parse.urljoin(url, attributes.get("action") or url)
        self.identity = attributes.get("id")
        self.fields = {}
        self.buttons = []


class _Reader(HTMLParser):
    def __init__(self, url):
        super().__init__()
        self.url = url
        self.forms = []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form":
            self.forms.append(Form(attributes, self.url))
        elif tag == "input":
            self.take_field(attributes)
        elif tag == "button":
            self.take_button(attributes)

    def take_field(self, attributes):
        for form in self.owners(attributes):
            if attributes.get("name") and attributes.get("type") != "submit":
                form.fields[attributes["name"]] = attributes.get("value") or ""

    def take_button(self, attributes):
        for form in self.owners(attributes):
            form.buttons.append((attributes.get("name"), attributes.get("value") or ""))

    def owners(self, attributes):
        """An element belongs to the form that it names, else to the one it stands in."""
        if attributes.get("form"):
            return [form for form in self.forms if form.identity == attributes["form"]]
        return self.forms[-1:]


class Page:
    """What the provider shows."""

    def __init__(self, status, url, headers, body):
        self.status, self.url, self.headers = status, url, headers
        self.text = body.decode("utf-8", "replace")
        reader = _Reader(url)
        if "html" in (headers.get("content-type") or ""):
            reader.feed(self.text)
        self.forms = reader.forms
        self.leads_to = _refresh(url, headers.get("refresh") or "")

    def __str__(self):
        return f"a page ({self.status}) at {self.url.split('?')[0]}"


class Left:
    """The browser was sent to an address outside the provider; nothing there was asked."""

    def __init__(self, url):
        self.url = url
        parts = urllib.parse.urlsplit(url)
        self.target = urllib.parse.urlunsplit(parts._replace(query="", fragment=""))
        self.fragment = parts.fragment
        self.pairs = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        self.parameters = dict(self.pairs)

    def __str__(self):
        return f"a redirect to {self.url}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    """One person's browser, without any cookie at first."""

    def __init__(self, issuer):
        self.origin = _origin(issuer)
        self.jar = http.cookiejar.CookieJar()
        self.opener = plain_opener(urllib.request.HTTPCookieProcessor(self.jar))
        # How often the person was asked to sign in.
        self.sign_ins = 0

    def get(self, url):
        return self._go("GET", url, None)

    def post(self, url, fields):
        return self._go("POST", url, urllib.parse.urlencode(fields).encode())

    def submit(self, form, **typed):
        """Fills in what is typed and presses the form's first button."""
        fields = {**form.fields, **typed}
        for name, value in form.buttons[:1]:
            if name:
                fields[name] = value
        if form.method == "POST":
            return self.post(form.action, fields)
        return self.get(f"{form.action}?{urllib.parse.urlencode(fields)}")

    def _go(self, method, url, body):
        for _ in range(HOPS):
            if _origin(url) != self.origin:
                return Left(url)
            status, headers, text = send(self.opener, method, url, {}, body)
            if status in (301, 302, 303, 307, 308):
                url = urllib.parse.urljoin(url, headers["location"])
            else:
                page = Page(status, url, headers, text)
                if page.leads_to is None:
                    return page
                url = page.leads_to
            if status not in (307, 308):
                method, body = "GET", None
        raise ConnectionError(f"more than {HOPS} redirects, the last to {url}")


def send(opener, method, url, headers, body):
    """One request: status, headers, body. No status is an error, and no redirect is followed."""
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.headers, answer.read()
    except http.client.HTTPException as broken:
        raise ConnectionError(f"{url}: {broken!r}") from broken


def plain_opener(*handlers):
    """For what no browser asks, too: token, userinfo, keys."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect(), *handlers, *BETWEEN)


def _refresh(url, header):
    """Where a page leads at once by itself: `0; url=ADDRESS`."""
    delay, _, address = header.partition(";")
    name, _, address = address.strip().partition("=")
    return urllib.parse.urljoin(url, address) if delay.strip() == "0" and name.lower() == "url" else None


def _origin(url):
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc
