"""How the driver deals with a Streamlit application. Its pages are drawn by a script that speaks through a web socket:
session.py does that script's part."""

import json
import urllib.parse

from driver import expect

PACKAGE = "streamlit"
# It has no address that begins a sign-in: the application's own script does, here for who comes with `?start=login`.
CALLBACK, START, READY, END = "/oauth2callback", "/?start=login", "/_stcore/health", "/"
# After a sign-out it wants to come back to the same address as after a sign-in.
FLAGS, PKCE, DEEP = ["--post-logout-redirect-uri", "{url}" + CALLBACK], True, False


def prepare(place):
    settings = place.folder / ".streamlit"
    settings.mkdir()
    words = {
        "redirect_uri": place.url + CALLBACK,
        "cookie_secret": "only for this run, on this machine",
        "client_id": place.client_id,
        "client_secret": place.client_secret,
        "server_metadata_url": f"{place.doorkey.url}/.well-known/openid-configuration",
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in words.items()]
    (settings / "secrets.toml").write_text("\n".join(["[auth]", *lines, ""]))
    return [place.installed / "bin/streamlit", "run", place.source / "app.py", "--server.port", place.port,
            "--server.address", "127.0.0.1", "--server.headless", "true", "--browser.gatherUsageStats", "false",
            "--browser.serverAddress", "127.0.0.1"]


def shown(browser, place, query=""):
    browser.ask(place.url + READY)
    cookies = browser.cookie_header(f"{place.url}/_stcore/stream")
    return json.loads(place.python(place.source / "session.py", query, given=cookies))


def nobody(browser, place):
    said = [json.loads(text) for text in shown(browser, place)["texts"]]
    expect(said == [{"signed_in": False}], f"somebody is signed in before the sign-in: {said}")


def sign_in(browser, place):
    return on_its_page(browser, place, browser.open(f"{place.url}/?start=login"))


def on_its_page(browser, place, page):
    expect(page.status == 200, f"{page.url} says {page.status}")
    redirect = shown(browser, place, urllib.parse.urlsplit(page.url).query)["redirect"]
    expect(redirect, "st.login() sends the browser nowhere")
    return browser.ask(urllib.parse.urljoin(page.url, redirect))


def sign_out(browser, place, _):
    redirect = shown(browser, place, "start=logout")["redirect"]
    expect(redirect, "st.logout() sends the browser nowhere")
    last = browser.open(urllib.parse.urljoin(place.url, redirect))
    asked = [url for url in browser.visited if url.startswith(f"{place.doorkey.url}/oidc/end_session?")]
    expect(len(asked) == 1 and "id_token_hint=" in asked[0], f"it asks doorkey for {asked}")
    expect(last.url == f"{place.url}/", f"the sign-out ends at {last.url}: {last.text[:2000]}")
    nobody(browser, place)


def who(browser, place, _):
    said = [json.loads(text) for text in shown(browser, place)["texts"]]
    expect(len(said) == 1 and said[0]["signed_in"], f"nobody is signed in: {said}")
    place.tells(said[0])
    return said[0]
