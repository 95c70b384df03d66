"""How the driver deals with a site that uses mozilla-django-oidc."""

from common import nobody, prepare, who  # noqa: F401

PACKAGE = "mozilla-django-oidc"
CALLBACK, READY, END = "/oidc/callback/", "/", "/"
START = "/oidc/authenticate/?next={target}"
FLAGS, PKCE = [], True


def sign_in(browser, place):
    return browser.ask(f"{place.url}/oidc/authenticate/")
