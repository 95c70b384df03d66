"""OpenID Connect: what a whole sign-in to an app costs, beside what somebody would pick instead, and what codes take while they wait."""

import contextlib
import functools
import json
import time

from .. import flow, machine, peers
from ..doorkey import WORKSPACE, Database
from ..load import numbers, summary
from ..rounds import FEW, REST, ROUNDS, USERS, rounds
from .sessions import sign_in

# Sign-ins of one run: those of a peer take many times as long.
SIGN_INS, THEIRS = 8_000, 1_000
# Codes that nobody exchanges, and after how many seconds none of them is good any more.
WAITING, OVER = 10_000, 61


def oidc(_):
    """Whole sign-ins of 1,000 people who are signed in to the provider, in no order: a code, its exchange, userinfo; by doorkey, by
    better-auth's provider and by npm's oidc-provider. And memory while 10,000 codes wait."""
    machine.needs_debian("npm", "npm")
    data = Database.with_users(USERS)
    sessions = sign_in(data, numbers(FEW, step=USERS // FEW, endless=False)).read_text().split("\n")[:-1]
    apps = {"doorkey": app_of(data, "RS256"), "doorkey, ES256": app_of(data, "ES256")}
    others = [peers.BetterAuthProvider(), peers.OidcProvider()]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(data.serve("apps"))
        runs = {name: functools.partial(flow.drive, server, app, sessions, SIGN_INS, REST) for name, app in apps.items()}
        for one in others:
            one.prepare()
            theirs = stack.enter_context(one.serve())
            entered = flow.over_all(theirs, one.app, one.enter, list(range(1, FEW + 1)))
            runs[one.name] = functools.partial(flow.drive, theirs, one.app, entered, THEIRS, REST)
        results = rounds(runs)
    does = {one.name: one.does for one in others}
    return {**results, "codes": summary([codes(data, apps["doorkey"], sessions) for _ in range(ROUNDS)]), "does": does}


def app_of(data, algorithm):
    flags = ["--workspace", WORKSPACE, "--redirect-uri", flow.REDIRECT_URI, "--alg", algorithm, "--json"]
    made = json.loads(data.command("app", "create", algorithm, *flags))
    return flow.App(made["client_id"], made["client_secret"], "/oidc/authorize", "/oidc/token", "/oidc/userinfo", algorithm)


def codes(data, app, sessions):
    """Memory of a server: idle, while codes wait, and once they are over."""
    with data.serve("codes") as server:
        time.sleep(1)
        idle = server.proportional_memory()
        given = flow.over_all(server, app, flow.authorize, flow.in_no_order(sessions, WAITING))
        waiting = server.proportional_memory()
        browser = flow.Browser(server.port, app)
        with contextlib.closing(browser.connection):
            # The first of them is as good as ever: so they all wait.
            flow.redeem(browser, app, *given[0], 200)
            time.sleep(OVER)
            flow.redeem(browser, app, *given[-1], 400)
        return {"idle": idle, "waiting": waiting, "after": server.proportional_memory()}
