"""The modules of oidcc-basic-certification-test-plan, of response type `code`, with a client that was registered by hand."""

import base64
import json
import random
import secrets
import time

from . import checks
from .browser import Left
from .outcome import Skipped
from .relying_party import challenge

CLAIMS_OF = {
    "openid": ["sub"],
    "profile": (
        "name given_name family_name middle_name nickname profile picture website gender birthdate zoneinfo locale "
        "updated_at preferred_username"
    ).split(),
    "email": ["email", "email_verified"],
    "address": ["address"],
    "phone": ["phone_number", "phone_number_verified"],
}
NO_SCOPES = (
    "scopes_supported from the discovery endpoint indicates the server doesn't support the scopes required for this "
    "test; so the test has been skipped"
)


def happy(**parameters):
    """A request with these parameters leads to tokens and userinfo."""
    return lambda party: party.flow(party.request(**parameters)) and None


def response_type_missing(party):
    answer = party.authorize(party.request(response_type=None))
    if isinstance(answer, Left):
        checks.error(party, answer, ("invalid_request", "unsupported_response_type"))
    else:
        party.shows_an_error(answer)


def id_token_signature(party):
    header = party.flow()["header"]
    party.notes.expect(header["alg"] == "RS256", "RS256, which is meant where no other was registered", header["alg"])


def id_token_unsigned(party):
    if "none" not in party.metadata["id_token_signing_alg_values_supported"]:
        raise Skipped(
            "The discovery endpoint 'id_token_signing_alg_values_supported' doesn't support 'none' algorithm; this "
            "cannot be tested (which is acceptable for certification, servers are not required to support 'none')"
        )
    party.notes.need(False, "no 'none' among the algorithms", "'none'")


def userinfo_by(way):
    return lambda party: party.userinfo(party.flow(), way) and None


def scopes(text, order=list):
    def module(party):
        supported = party.metadata.get("scopes_supported", [])
        if not set(text.split()) <= set(supported):
            raise Skipped(NO_SCOPES)
        told = party.flow(party.request(scope=text), order=order)["userinfo"]
        missing = [claim for scope in text.split() for claim in CLAIMS_OF[scope] if claim not in told]
        party.notes.wish(not missing, f"all claims of the scopes {text} in userinfo", f"none of {', '.join(missing)}")

    return module


def shuffled(pairs):
    pairs = list(pairs)
    return random.Random(7).sample(pairs, len(pairs))


def signs_in_again(pause, **parameters):
    """The same person has to sign in a second time, and the ID token says that it was later."""

    def module(party):
        first = party.flow()["claims"]
        asked = party.browser.sign_ins
        time.sleep(pause)
        second = party.flow(party.request(**parameters))["claims"]
        came = party.browser.sign_ins - asked
        party.notes.expect(came == 1, "that the person must sign in once more", f"{came} sign-ins")
        if "max_age" in parameters:
            party.notes.expect("auth_time" in second, "auth_time, since max_age was sent", sorted(second))
        was, now = first.get("auth_time"), second.get("auth_time")
        if was is not None and now is not None:
            party.notes.expect(now > was, f"an auth_time after {was}", now)
            party.notes.expect(now > time.time() - checks.SKEW - 1, "an auth_time of just now", now)

    return module


def is_not_asked_again(first_request, with_hint=False, **parameters):
    """The second request is answered without the person, from the same sign-in."""

    def module(party):
        tokens = party.flow(party.request(**first_request))
        first, asked = tokens["claims"], party.browser.sign_ins
        hint = {"id_token_hint": tokens["id_token"]} if with_hint else {}
        second = party.flow(party.request(**parameters, **hint))["claims"]
        party.notes.expect(party.browser.sign_ins == asked, "no second sign-in", f"{party.browser.sign_ins} in all")
        if "max_age" in parameters:
            for claims in (first, second):
                party.notes.expect("auth_time" in claims, "auth_time, since max_age was sent", sorted(claims))
        times = first.get("auth_time"), second.get("auth_time")
        party.notes.expect(None in times or times[0] == times[1], "the same auth_time twice", times)
        party.notes.expect(first["sub"] == second["sub"], f"sub {first['sub']}", second["sub"])

    return module


def login_hint(party):
    party.flow(party.request(login_hint=party.settings.server("login_hint", "buffy@example.org")))


def ui_locales(party):
    party.flow(party.request(ui_locales=party.settings.server("ui_locales", "se")))


def claims_locales(party):
    party.flow(party.request(claims_locales=party.settings.server("claims_locales", "se")))


def acr_values(party):
    offered = party.metadata.get("acr_values_supported") or ["1", "2"]
    wanted = party.settings.server("acr_values", " ".join(offered))
    acr = party.flow(party.request(acr_values=wanted))["claims"].get("acr")
    party.notes.wish(acr in wanted.split(), f"acr, one of {wanted}", acr)


def code_reuse(pause):
    def module(party):
        code = party.code(party.request())
        tokens = party.tokens(code)
        party.userinfo(tokens)
        time.sleep(pause)
        again = party.exchange(code)
        if not pause and again.status == 200:
            party.notes.wish(False, "that a code serves once", again)
            return
        checks.token_error(party, again, 400, ("invalid_grant",))
        if pause:
            dead = party.ask_userinfo(tokens["access_token"])
            party.notes.wish(400 <= dead.status < 500, "that the access token dies with its code's reuse", dead)

    return module


def registered_redirect_uri(party):
    stranger = party.settings.redirect_uri.rsplit("/", 1)[0] + "/" + secrets.token_hex(5)
    party.shows_an_error(party.authorize(party.request(redirect_uri=stranger)))


def post_request(party):
    party.flow(method="POST")


def client_secret_post(party):
    party.client = party.settings.config["client_secret_post"]
    party.secret_in = "body"
    methods = party.metadata.get("token_endpoint_auth_methods_supported", [])
    party.notes.expect("client_secret_post" in methods, "client_secret_post in the discovery document", methods)
    party.flow()


def request_object(claims):
    """The parameters as a JWT that nobody signed."""
    parts = ({"alg": "none"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


def refuses_unsigned(party):
    algorithms = party.metadata.get("request_object_signing_alg_values_supported")
    if isinstance(algorithms, list) and "none" not in algorithms:
        raise Skipped(
            "'none' is not listed in request_object_signing_alg_values_supported - assuming it is not supported."
        )


def outside(party, **more):
    """What stands beside a request object: OpenID Connect Core, 6.1."""
    return {"client_id": party.client["client_id"], "response_type": "code", "scope": "openid", **more}


def unsupported(party, answer, error, what):
    """The suite goes no further where the provider says that it does not know such requests."""
    if isinstance(answer, Left) and answer.parameters.get("error") == error:
        party.came_back(answer, party.settings.redirect_uri)
        raise Skipped(
            f"The '{error}' error from the authorization endpoint indicates that it does not support {what} (which is "
            f"permitted behaviour), so {what} cannot be tested."
        )


def by_object(party, parameters, answer):
    """The tokens of a request whose state and nonce stood in the object alone."""
    party.sent = parameters
    tokens = party.tokens(checks.code(party, answer))
    party.userinfo(tokens)


def request_uri_unsigned(party):
    refuses_unsigned(party)
    address = party.settings.redirect_uri.rsplit("/", 1)[0] + "/requesturi"
    answer = party.authorize(outside(party, redirect_uri=party.settings.redirect_uri, request_uri=address))
    unsupported(party, answer, "request_uri_not_supported", "request_uri")
    party.notes.need(False, "request_uri_not_supported, since nothing answers at that address here", answer)


def unsigned_request_object(party):
    refuses_unsigned(party)
    inside = party.request()
    answer = party.authorize(
        outside(party, redirect_uri=party.settings.redirect_uri, request=request_object(inside))
    )
    unsupported(party, answer, "request_not_supported", "request objects")
    by_object(party, inside, answer)


def request_object_with_redirect_uri(party):
    refuses_unsigned(party)
    inside = party.request()
    wrong = party.settings.redirect_uri + "_invalid"
    answer = party.authorize(outside(party, redirect_uri=wrong, request=request_object(inside)))
    if isinstance(answer, Left):
        party.notes.need(answer.parameters.get("error") != "request_not_supported",
                         "an error page: the redirect URI beside the object is not registered", answer)
        by_object(party, inside, answer)
    else:
        party.shows_an_error(answer)


def claims_essential(party):
    wanted = json.dumps({"userinfo": {"name": {"essential": True}}})
    tokens = party.flow(party.request(claims=wanted))
    party.notes.wish("name" in tokens["userinfo"], "name in userinfo, as the claims parameter asks",
                     sorted(tokens["userinfo"]))
    party.notes.wish("name" not in tokens["claims"], "no name in the ID token, which was not asked for", "name")


def refresh_token(party):
    offline = "offline_access" in party.metadata.get("scopes_supported", [])
    asked = {"scope": "openid offline_access", "prompt": "consent"} if offline else {}
    first = refreshed(party, asked)
    party.client = party.settings.config["client2"]
    second = refreshed(party, asked)
    party.client = party.settings.config["client"]
    stolen = party.token_request(grant_type="refresh_token", refresh_token=second)
    party.notes.expect(first != second, "another refresh token for another client", "the same")
    checks.token_error(party, stolen, 400, ("invalid_grant",))


def refreshed(party, asked):
    """A refresh token of the party's client, which has served once."""
    tokens = party.flow(party.request(**asked))
    grants = party.metadata.get("grant_types_supported", ["authorization_code", "implicit"])
    if not tokens.get("refresh_token"):
        party.notes.wish("refresh_token" not in grants, "refresh tokens, which the discovery document offers", "none")
        raise Skipped("Refresh tokens cannot be tested. No refresh token was issued.")
    party.notes.wish("refresh_token" in grants, "refresh_token in grant_types_supported", grants)
    token = tokens["refresh_token"]
    answer = party.token_request(grant_type="refresh_token", refresh_token=token)
    body = answer.json() or {}
    party.notes.need(answer.status == 200 and body.get("access_token"), "an access token for a refresh token", answer)
    party.notes.expect(body["access_token"] != tokens["access_token"], "a new access token", "the old one")
    if "id_token" in body:
        _, claims = checks.id_token(party, body["id_token"])
        for name in ("iss", "sub", "aud", "auth_time", "azp"):
            was = tokens["claims"].get(name)
            party.notes.expect(claims.get(name) == was, f"{name} {was} in the later ID token", claims.get(name))
    party.userinfo({**tokens, **body})
    return body.get("refresh_token", token)


def valid_pkce(party):
    verifier = secrets.token_urlsafe(48)
    parameters = party.request(code_challenge=challenge(verifier), code_challenge_method="S256")
    party.userinfo(party.tokens(party.code(parameters), code_verifier=verifier))


MODULES = {
    "oidcc-server": happy(),
    "oidcc-response-type-missing": response_type_missing,
    "oidcc-idtoken-signature": id_token_signature,
    "oidcc-idtoken-unsigned": id_token_unsigned,
    "oidcc-userinfo-get": userinfo_by("get"),
    "oidcc-userinfo-post-header": userinfo_by("post header"),
    "oidcc-userinfo-post-body": userinfo_by("post body"),
    "oidcc-ensure-request-without-nonce-succeeds-for-code-flow": happy(nonce=None),
    "oidcc-scope-profile": scopes("openid profile"),
    "oidcc-scope-email": scopes("openid email"),
    "oidcc-scope-address": scopes("openid address"),
    "oidcc-scope-phone": scopes("openid phone"),
    "oidcc-scope-all": scopes("openid profile email address phone"),
    # What the suite called oidcc-ensure-other-scope-order-succeeds before it put parameters in another order as well.
    "oidcc-ensure-other-scope-order-succeeds": scopes("email openid"),
    "oidcc-alternate-happy-flow": scopes("email openid", order=shuffled),
    "oidcc-display-page": happy(display="page"),
    "oidcc-display-popup": happy(display="popup"),
    "oidcc-prompt-login": signs_in_again(1.1, prompt="login"),
    "oidcc-prompt-none-not-logged-in": lambda party: party.needs_a_sign_in(),
    "oidcc-prompt-none-logged-in": is_not_asked_again({}, prompt="none"),
    "oidcc-max-age-1": signs_in_again(2, max_age="1"),
    "oidcc-max-age-10000": is_not_asked_again({"max_age": "15000"}, max_age="10000"),
    "oidcc-ensure-request-with-unknown-parameter-succeeds": happy(extra="foobar"),
    "oidcc-id-token-hint": is_not_asked_again({}, with_hint=True, prompt="none"),
    "oidcc-login-hint": login_hint,
    "oidcc-ui-locales": ui_locales,
    "oidcc-claims-locales": claims_locales,
    "oidcc-ensure-request-with-acr-values-succeeds": acr_values,
    "oidcc-codereuse": code_reuse(0),
    "oidcc-codereuse-30seconds": code_reuse(30),
    "oidcc-ensure-registered-redirect-uri": registered_redirect_uri,
    "oidcc-ensure-post-request-succeeds": post_request,
    "oidcc-server-client-secret-post": client_secret_post,
    "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported": request_uri_unsigned,
    "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported": unsigned_request_object,
    "oidcc-claims-essential": claims_essential,
    "oidcc-ensure-request-object-with-redirect-uri": request_object_with_redirect_uri,
    "oidcc-refresh-token": refresh_token,
    "oidcc-ensure-request-with-valid-pkce-succeeds": valid_pkce,
}
