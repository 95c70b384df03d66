"""How the driver deals with a Matrix homeserver. The sign-in is begun as a Matrix client does, which gets a login token in the end
and exchanges it for an access token."""

import json
import sqlite3
import time
import urllib.error
import urllib.request

from doorkey import DIRECT
from driver import expect, query

PACKAGE = "matrix-synapse"
CALLBACK, READY = "/_synapse/client/oidc/callback", "/health"
# Where the Matrix client would be: a page of the homeserver's own that says something to everybody.
END = "/_matrix/client/versions"
START = "/_matrix/client/v3/login/sso/redirect/oidc-doorkey?redirectUrl={target}"
FLAGS, PKCE, DEEP = ["--backchannel-logout-uri", "{url}/_synapse/client/oidc/backchannel_logout"], True, True


def prepare(place):
    settings = (place.source / "homeserver.yaml").read_text()
    for name, value in place.environment().items():
        settings = settings.replace(f"${{{name}}}", value)
    file = place.folder / "homeserver.yaml"
    file.write_text(settings)
    words = [place.installed / "bin/python", "-m", "synapse.app.homeserver", "--config-path", file]
    place.command([*words, "--generate-keys"])
    return words


def ask(place, path, token=None, body=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    with DIRECT.open(urllib.request.Request(place.url + path, data=data, headers=headers), timeout=30) as answer:
        return json.load(answer)


def nobody(_, place):
    flows = ask(place, "/_matrix/client/v3/login")["flows"]
    offered = [provider["name"] for flow in flows for provider in flow.get("identity_providers", [])]
    expect(offered == ["Doorkey"], f"it offers {flows}")


def sign_in(browser, place):
    return browser.ask(place.url + START.replace("{target}", place.url + END))


def who(browser, place, last):
    token = query(last.url).get("loginToken")
    expect(token, f"no login token came to the client: {last.url}")
    login = ask(place, "/_matrix/client/v3/login", body={"type": "m.login.token", "token": token})
    access = login["access_token"]
    user = ask(place, "/_matrix/client/v3/account/whoami", access)["user_id"]
    addresses = [found["address"] for found in ask(place, "/_matrix/client/v3/account/3pid", access)["threepids"]]
    name = ask(place, f"/_matrix/client/v3/profile/{user}", access)["displayname"]
    expect(len(addresses) == 1, f"it knows the addresses {addresses}")
    with sqlite3.connect(place.folder / "homeserver.db") as database:
        ((sub,),) = database.execute("SELECT external_id FROM user_external_ids WHERE user_id = ?", (user,)).fetchall()
    place.access = access
    said = {"user_id": user, "email": addresses[0], "name": name, "sub": sub}
    place.tells(said)
    return said


def sign_out(browser, place, said):
    """The person signs out at doorkey, which tells the homeserver: its access token dies."""
    whoami = "/_matrix/client/v3/account/whoami"
    expect(ask(place, whoami, place.access)["user_id"] == said["user_id"], "the token is another person's")
    last = browser.follow(browser.submit(browser.open(f"{place.doorkey.url}/oidc/end_session")))
    expect(last.url == f"{place.doorkey.url}/oidc/signed_out", f"the sign-out ends at {last.url}")
    for _ in range(100):
        try:
            ask(place, whoami, place.access)
        except urllib.error.HTTPError as refusal:
            expect(refusal.code == 401, f"the token is refused with {refusal.code}")
            return
        time.sleep(0.1)
    expect(False, "the homeserver keeps the person signed in 10 s after the sign-out")
