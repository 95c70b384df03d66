"""How the driver deals with a site that uses social-auth-core with social-auth-app-django."""

from common import nobody, prepare, who  # noqa: F401

PACKAGE = "social-auth-core"
CALLBACK, READY, END = "/complete/oidc/", "/", "/"
# By OpenID Connect Core, section 4: doorkey appends `iss` and `target_link_uri`.
START = "/idp-launch/oidc/"
FLAGS, PKCE, DEEP = [], True, True


def sign_in(browser, place):
    return on_its_page(browser, place, browser.open(f"{place.url}/sign-in/"))


def on_its_page(browser, _, page):
    """Its own page, or that of the bridge, which its script would submit."""
    return browser.submit(page)
