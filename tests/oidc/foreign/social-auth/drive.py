"""How the driver deals with a site that uses social-auth-core with social-auth-app-django."""

from common import nobody, prepare, who  # noqa: F401

PACKAGE = "social-auth-core"
CALLBACK, READY, END = "/complete/oidc/", "/", "/"
START = "/sign-in/?next={target}"
FLAGS, PKCE = [], True


def sign_in(browser, place):
    return on_its_page(browser, place, browser.open(f"{place.url}/sign-in/"))


def on_its_page(browser, place, page):
    """Its own page, on which a button begins the sign-in."""
    return browser.submit(page)
