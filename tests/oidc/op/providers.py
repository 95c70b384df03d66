"""What a person does at each provider: signing in, agreeing, and signing out."""

import json
import threading
import urllib.parse

from .browser import Left, Page, plain_opener, send

STEPS = 6


class Doorkey:
    """doorkey: a link, which the API hands out, leads the waiting browser on."""

    name = "doorkey"
    # The link of a person is one for all who ask at once: one browser after the other uses it.
    turn = threading.Lock()

    def __init__(self, issuer, user, secret):
        self.issuer, self.user, self.secret = issuer.rstrip("/"), user, secret

    def go_on(self, browser, page):
        """Does what the page asks of a person, until the browser leaves or the page is nothing that can be answered."""
        for _ in range(STEPS):
            if isinstance(page, Left) or page.status != 200:
                break
            path = urllib.parse.urlsplit(page.url).path
            if path == "/login":
                page = self.sign_in(browser)
            elif any(form.action.endswith("/oidc/continue") for form in page.forms):
                page = browser.submit(page.forms[0])
            else:
                break
        return page

    def sign_in(self, browser):
        browser.sign_ins += 1
        with self.turn:
            page = browser.get(self.link())
            form = next((form for form in page.forms if "token" in form.fields), None)
            if form is None:
                raise ConnectionError(f"a link leads to {page}, which has no button to sign in")
            return browser.submit(form)

    def link(self):
        bearer = {"Authorization": f"Bearer {self.secret}"}
        url = f"{self.issuer}/api/login_links/{self.user}"
        status, _, body = send(plain_opener(), "GET", url, bearer, None)
        if status != 200:
            raise ConnectionError(f"GET {url}: {status} {body.decode()}")
        return json.loads(body)["link"]

    def sign_out(self, browser, page):
        """Presses the button of the page that asks, if it asks."""
        if isinstance(page, Page) and any(form.action.endswith("/confirm") for form in page.forms):
            return browser.submit(page.forms[0])
        return page


class OidcProvider:
    """npm's oidc-provider with its pages for development, which take any name and password."""

    name = "oidc-provider"

    def __init__(self, issuer, user, secret):
        self.user, self.secret = user, secret

    def go_on(self, browser, page):
        for _ in range(STEPS):
            if isinstance(page, Left) or page.status != 200 or "/interaction/" not in page.url:
                break
            form = page.forms[0]
            if "password" in form.fields:
                browser.sign_ins += 1
                page = browser.submit(form, login=self.user, password=self.secret or "any")
            else:
                page = browser.submit(form)
        return page

    def sign_out(self, browser, page):
        if isinstance(page, Page) and any(form.action.endswith("/confirm") for form in page.forms):
            return browser.submit(page.forms[0])
        return page


PROVIDERS = {provider.name: provider for provider in (Doorkey, OidcProvider)}
