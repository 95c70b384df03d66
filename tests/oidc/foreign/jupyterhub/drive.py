"""How the driver deals with a JupyterHub that uses oauthenticator."""

import json
import re

from doorkey import free_port
from driver import expect, short

PACKAGE = "oauthenticator"
CALLBACK, READY, END = "/hub/oauth_callback", "/hub/health", "/hub/home"
START = "/hub/oauth_login?next={target}"
FLAGS, PKCE, DEEP = [], True, True


def prepare(place):
    # Its proxy is a program for Node, which `./test` installs beside it.
    programs = place.installed / "proxy/node_modules/.bin"
    return ["env", f"PATH={programs}:{place.environment()['PATH']}", f"HUB_PORT={free_port()}", f"PROXY_PORT={free_port()}",
            place.installed / "bin/jupyterhub", "--config", place.source / "jupyterhub_config.py"]


def nobody(browser, place):
    answer = browser.open(f"{place.url}/hub/home")
    expect(short(answer.url) == f"{place.url}/hub/login", f"somebody is signed in before the sign-in: {answer.url}")


def sign_in(browser, place):
    return browser.ask(f"{place.url}/hub/oauth_login")


def who(browser, place, _):
    page = browser.open(f"{place.url}/hub/home").text
    token = re.search(r'xsrf_token: "([^"]+)"', page)
    expect(token, f"no token in its page: {page[:3000]}")
    answer = browser.ask(f"{place.url}/hub/api/user?_xsrf={token[1]}", headers={"Referer": f"{place.url}/hub/home"})
    expect(answer.status == 200, f"its API says {answer.status}: {answer.text[:1000]}")
    user = json.loads(answer.text)
    said = {"email": user["name"], "groups": user["groups"]}
    place.tells(said)
    expect(said["groups"] == ["client"], f"other groups: {said}")
    return said


def sign_out(browser, place, _):
    """It sends the browser to doorkey without a word, so doorkey asks."""
    asks = browser.open(f"{place.url}/hub/logout")
    expect(asks.url == f"{place.doorkey.url}/oidc/end_session", f"its sign-out leads to {asks.url}")
    last = browser.follow(browser.submit(asks))
    expect(last.url == f"{place.doorkey.url}/oidc/signed_out", f"the sign-out ends at {last.url}")
    nobody(browser, place)
