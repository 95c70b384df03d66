"""The modules of oidcc-rp-initiated-logout-certification-test-plan."""

import base64
import json
import secrets
import time

from joserfc import jws
from joserfc.jwk import OctKey

from . import config
from .browser import Left, Page


def signed_in(party):
    """Somebody has signed in for the app; what it sends them to sign out with."""
    tokens = party.flow()
    request = {
        "id_token_hint": tokens["id_token"],
        "post_logout_redirect_uri": party.settings.post_logout_redirect_uri,
        "state": secrets.token_urlsafe(96),
    }
    return tokens, request


def leads_back(party, request):
    """The browser ends at the app's address with the state alone, and nobody is signed in any more."""
    shown = party.end_session(request)
    answer = party.provider.sign_out(party.browser, shown)
    parameters = party.came_back(answer, party.settings.post_logout_redirect_uri)
    party.notes.expect(parameters.get("state") == request.get("state"), f"state {request.get('state')}", parameters)
    party.notes.wish(set(parameters) <= {"state"}, "no other parameters", sorted(parameters))
    party.needs_a_sign_in()


def logout(party):
    leads_back(party, signed_in(party)[1])


def no_state(party):
    request = signed_in(party)[1]
    del request["state"]
    leads_back(party, request)


def is_not_led_back(party, request):
    """The provider shows an error or asks the person, and never sends them to the app, whatever they press."""
    shown = party.end_session(request)
    is_error = isinstance(shown, Page) and 400 <= shown.status < 500
    asks = isinstance(shown, Page) and shown.status == 200 and shown.forms
    party.notes.expect(is_error or asks, "an error page, or a page that asks", shown)
    if asks:
        # Nothing has ended before the press.
        answer = party.authorize(party.request(prompt="none"))
        is_in = isinstance(answer, Left) and "code" in answer.parameters
        party.notes.expect(is_in, "a person who is signed in until they say otherwise", answer)
        pressed = party.provider.sign_out(party.browser, shown)
        party.notes.expect(isinstance(pressed, Page) and pressed.status == 200, "a page of the provider", pressed)


def without(*names):
    def module(party):
        request = signed_in(party)[1]
        is_not_led_back(party, {name: value for name, value in request.items() if name not in names})

    return module


def unregistered(change):
    def module(party):
        request = signed_in(party)[1]
        request["post_logout_redirect_uri"] = change(request["post_logout_redirect_uri"])
        is_not_led_back(party, request)

    return module


def signs_out_here(*names):
    """Without an address to go to, the person is signed out and told so."""

    def module(party):
        request = signed_in(party)[1]
        shown = party.end_session({name: value for name, value in request.items() if name not in names})
        told = party.provider.sign_out(party.browser, shown)
        party.notes.expect(isinstance(told, Page) and told.status == 200, "a page that says so", told)
        party.needs_a_sign_in()

    return module


def modified_hint(party):
    """The same claims in a token that nobody signed."""
    tokens, request = signed_in(party)
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
    request["id_token_hint"] = f"{header}.{tokens['id_token'].split('.')[1]}."
    is_not_led_back(party, request)


def bad_hint(party):
    """The same claims, signed with what the app knows: its secret."""
    tokens, request = signed_in(party)
    now = int(time.time())
    claims = tokens["claims"] | {"iat": now, "exp": now + 300}
    key = OctKey.import_key(party.client["client_secret"])
    request["id_token_hint"] = jws.serialize_compact({"alg": "HS256"}, json.dumps(claims), key, algorithms=["HS256"])
    is_not_led_back(party, request)


def discovery(party):
    config.encrypted(party)
    party.notes.expect("end_session_endpoint" in party.metadata, "end_session_endpoint", sorted(party.metadata))


MODULES = {
    "oidcc-rp-initiated-logout-discovery-endpoint-verification": discovery,
    "oidcc-rp-initiated-logout": logout,
    "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri": unregistered(lambda uri: uri + secrets.token_hex(5)),
    "oidcc-rp-initiated-logout-modified-id-token-hint": modified_hint,
    "oidcc-rp-initiated-logout-no-id-token-hint": without("id_token_hint"),
    "oidcc-rp-initiated-logout-no-params": signs_out_here("id_token_hint", "post_logout_redirect_uri", "state"),
    "oidcc-rp-initiated-logout-no-post-logout-redirect-uri": signs_out_here("post_logout_redirect_uri"),
    "oidcc-rp-initiated-logout-no-state": no_state,
    "oidcc-rp-initiated-logout-only-state": signs_out_here("id_token_hint", "post_logout_redirect_uri"),
    "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri": unregistered(lambda uri: uri + "?foo=bar"),
    "oidcc-rp-initiated-logout-bad-id-token-hint": bad_hint,
}
