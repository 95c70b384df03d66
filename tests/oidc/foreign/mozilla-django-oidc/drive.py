"""How the driver deals with a site that uses mozilla-django-oidc."""

from common import nobody, prepare, who  # noqa: F401

PACKAGE = "mozilla-django-oidc"
CALLBACK, START, READY = "/oidc/callback/", "/oidc/authenticate/", "/"
FLAGS, PKCE = [], True


def sign_in(browser, place):
    return browser.ask(f"{place.url}/oidc/authenticate/")
