"""A person's browser, as far as a sign-in needs one, and the way through a whole sign-in."""

import html.parser
import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request

from doorkey import opener
from failure import Failure


class Answer:
    """What came back for one request, where nothing was followed."""

    def __init__(self, url, response):
        self.url, self.status, self.headers = url, response.status, response.headers
        self.text = response.read().decode(errors="replace")

    @property
    def next(self):
        """Where the answer sends a browser to by itself, else None."""
        if self.status in (301, 302, 303, 307, 308):
            return urllib.parse.urljoin(self.url, self.headers["Location"])
        refresh = self.headers.get("Refresh", "")
        return urllib.parse.urljoin(self.url, refresh.split("url=", 1)[1]) if "url=" in refresh else None

    def form(self, number=0):
        """The address, the method and the hidden fields of a form of the page."""
        reader = Forms()
        reader.feed(self.text)
        if len(reader.forms) <= number:
            raise Failure(f"no form {number} in the page at {short(self.url)} ({self.status}):\n{self.text[:2000]}")
        action, method, fields = reader.forms[number]
        return urllib.parse.urljoin(self.url, action), method, fields


class Forms(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms = []

    def handle_starttag(self, tag, attrs):
        said = dict(attrs)
        if tag == "form":
            self.forms.append((said.get("action") or "", (said.get("method") or "get").lower(), {}))
        elif tag == "input" and self.forms and said.get("name"):
            self.forms[-1][2][said["name"]] = said.get("value") or ""


class Stays(urllib.request.HTTPRedirectHandler):
    """Whoever asks decides whether to follow."""

    def redirect_request(self, *_):
        return None


class Browser:
    """Cookies, and every address that was asked for. As browsers do, it sends `Secure` cookies to this machine."""

    def __init__(self, root):
        policy = http.cookiejar.DefaultCookiePolicy(secure_protocols=("https", "http"))
        self.cookies = http.cookiejar.CookieJar(policy)
        keeps = urllib.request.HTTPCookieProcessor(self.cookies)
        self.opener = opener(root, keeps, Stays())
        self.opener.addheaders = [
            ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
            ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
            ("Accept-Language", "en"),
        ]
        self.visited = []

    def ask(self, url, fields=None, headers=None):
        """One request: a GET, or a POST where there are fields."""
        self.visited.append(url)
        body = None if fields is None else urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(url, data=body, headers=headers or {})
        if body is not None:
            request.add_header("Origin", origin(url))
            request.add_header("Referer", url)
        try:
            with self.opener.open(request, timeout=60) as response:
                return Answer(url, response)
        except urllib.error.HTTPError as response:
            return Answer(url, response)

    def follow(self, answer, until=lambda url: False):
        """Goes where it is sent, until it stays or is sent to an address that `until` knows: that one is not asked for."""
        for _ in range(20):
            following = answer.next
            if following is None or until(following):
                return answer
            answer = self.ask(following)
        raise Failure(f"round in circles: {[short(url) for url in self.visited[-6:]]}")

    def open(self, url, until=lambda url: False):
        return self.follow(self.ask(url), until)

    def submit(self, answer, number=0, **others):
        """Presses the button of a form."""
        action, method, fields = answer.form(number)
        fields |= others
        if method == "post":
            return self.ask(action, fields)
        return self.ask(f"{action}?{urllib.parse.urlencode(fields)}")

    def cookie_header(self, url):
        """What a request to this address would bring."""
        request = urllib.request.Request(url)
        self.cookies.add_cookie_header(request)
        return request.get_header("Cookie", "")


def origin(url):
    return "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(url))


def short(url):
    """An address without what is secret in it."""
    return url.split("?", 1)[0]


def query(url):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))


def expect(true, words):
    if not true:
        raise Failure(words)


def press(browser, doorkey, link):
    """Opens a login link and presses its button. Gives the answer to the press."""
    page = browser.open(link)
    expect(page.status == 200 and "token" in page.form()[2], f"the link shows no button: {page.status} {page.text[:2000]}")
    answer = browser.submit(page)
    leaving = answer.next or ""
    expect(answer.status == 303 and leaving.startswith(f"{doorkey.url}/login/go"),
           f"the press leads to {answer.status} {short(leaving)}: {answer.text[:2000]}")
    return answer


def through(browser, doorkey, first, callback):
    """A whole sign-in: from the application's answer `first` by doorkey's pages back to the application's callback, and on to
    where it stays. Gives that last answer and what the application asked doorkey for."""
    waiting = browser.follow(first)
    asked = authorize_request(browser, doorkey)
    expect(waiting.url.startswith(f"{doorkey.url}/login?return="), f"{short(waiting.url)} instead of the login page: "
           f"{waiting.status} {waiting.text[:2000]}")
    pressed = press(browser, doorkey, doorkey.link())
    last = browser.follow(pressed)
    come_back(browser, asked, callback, last)
    return last, asked


def land(browser, doorkey, link, callback, on_its_page=None):
    """The other way round: a login link that leads to the application, which asks doorkey by itself, or, where there is an
    `on_its_page`, once its own button is pressed."""
    last = browser.follow(press(browser, doorkey, link))
    if on_its_page:
        last = browser.follow(on_its_page(last))
    asked = authorize_request(browser, doorkey)
    if asked.get("prompt") == "select_account":
        expect("/oidc/continue" in last.form()[0], f"nobody is asked which account, but sent to {short(last.url)}")
        last = browser.follow(browser.submit(last))
    come_back(browser, asked, callback, last)
    return last, asked


def authorize_request(browser, doorkey):
    start = f"{doorkey.url}/oidc/authorize?"
    requests = [query(url) for url in browser.visited if url.startswith(start) and "client_id=" in url]
    expect(requests, f"nothing asked for {start} among {[short(url) for url in browser.visited]}")
    return requests[-1]


def come_back(browser, asked, callback, last):
    answers = [query(url) for url in browser.visited if short(url) == callback]
    expect(answers, f"never came back to {callback}, but to {short(last.url)}: {last.status} {last.text[:2000]}")
    said = answers[-1]
    expect("code" in said, f"came back with {said}")
    expect(said.get("state") == asked.get("state"), "the state is another one")
    expect(last.status == 200, f"{short(last.url)} says {last.status}: {last.text[:3000]}")
