"""How the driver deals with a site that uses django-allauth."""

from common import nobody, prepare, who  # noqa: F401

PACKAGE = "django-allauth"
CALLBACK, READY, END = "/accounts/oidc/doorkey/login/callback/", "/", "/"
START = "/accounts/oidc/doorkey/login/?next={target}"
FLAGS, PKCE, DEEP = [], True, True


def sign_in(browser, place):
    return browser.ask(f"{place.url}/accounts/oidc/doorkey/login/")
