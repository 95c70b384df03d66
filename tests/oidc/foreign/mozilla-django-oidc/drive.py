"""How the driver deals with a site that uses mozilla-django-oidc."""

from common import nobody, prepare, who  # noqa: F401
from driver import expect

PACKAGE = "mozilla-django-oidc"
CALLBACK, READY, END = "/oidc/callback/", "/", "/"
START = "/oidc/authenticate/?next={target}"
FLAGS, PKCE, DEEP = ["--post-logout-redirect-uri", "{url}/"], True, True


def sign_in(browser, place):
    return browser.ask(f"{place.url}/oidc/authenticate/")


def sign_out(browser, place, _):
    last = browser.open(f"{place.url}/oidc/logout/")
    expect(last.url == f"{place.url}/", f"the sign-out ends at {last.url}: {last.text[:2000]}")
    nobody(browser, place)
