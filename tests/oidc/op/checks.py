"""What the suite checks of every answer, whichever module asks."""

import base64
import hashlib
import json
import re
import time

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

SKEW = 300
NEED_A_PERSON = ("interaction_required", "login_required", "account_selection_required", "consent_required")
TEXTS = (
    "sub name given_name family_name middle_name nickname preferred_username profile picture website email gender "
    "birthdate zoneinfo locale phone_number"
).split()
KINDS = {name: str for name in TEXTS} | {"email_verified": bool, "phone_number_verified": bool, "address": dict}
PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
# RFC 6749, 4.1.2.1 and 5.2.
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def discovery(party):
    url = party.settings.discovery_url
    answer = party.call("GET", url)
    document = answer.json()
    party.notes.need(answer.status == 200 and isinstance(document, dict), f"JSON at {url}", answer)
    for name in ("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"):
        party.notes.need(isinstance(document.get(name), str), f"{name} in the discovery document", sorted(document))
    return document


def keys(party):
    answer = party.call("GET", party.metadata["jwks_uri"])
    document = answer.json()
    is_set = answer.status == 200 and isinstance(document, dict) and isinstance(document.get("keys"), list)
    party.notes.need(is_set and document["keys"], "a set of keys at jwks_uri", answer)
    names = [key.get("kid") for key in document["keys"]]
    party.notes.expect(all(names) and len(set(names)) == len(names), "a kid of its own for every key", names)
    for key in document["keys"]:
        found = [name for name in PRIVATE if name in key]
        party.notes.expect(not found and key.get("kty") != "oct", "public keys alone", f"{key.get('kid')} with {found}")
    try:
        return KeySet.import_key_set(document)
    except (JoseError, ValueError) as broken:
        party.notes.need(False, "keys that can be read", repr(broken))


def answered(party, answer):
    """The parameters with which the browser came back to the app: each once, from this issuer, with the state sent."""
    parameters = party.came_back(answer, party.settings.redirect_uri)
    party.notes.expect(not answer.fragment, "an answer in the query", f"the fragment {answer.fragment}")
    party.notes.expect(len(answer.pairs) == len(parameters), "each parameter once", answer.pairs)
    sent = party.sent.get("state")
    party.notes.expect(parameters.get("state") == sent, f"state {sent}", parameters.get("state"))
    issuer, promised = party.metadata["issuer"], "authorization_response_iss_parameter_supported"
    must = party.metadata.get(promised) is True
    party.notes.expect(parameters.get("iss", None if must else issuer) == issuer, f"iss {issuer}", parameters.get("iss"))
    return parameters


def code(party, answer):
    parameters = answered(party, answer)
    party.notes.need("error" not in parameters and parameters.get("code"), "a code", parameters)
    return parameters["code"]


def error(party, answer, allowed):
    """The browser came back with one of these errors, and with nothing that does not belong there."""
    parameters = answered(party, answer)
    party.notes.expect(parameters.get("error") in allowed, f"one of the errors {', '.join(allowed)}", parameters)
    party.notes.expect("code" not in parameters, "no code beside an error", parameters)
    others = set(parameters) - {"error", "error_description", "error_uri", "state", "session_state", "iss"}
    party.notes.wish(not others, "no further parameters beside an error", sorted(others))
    described(party, parameters)
    return parameters["error"]


def described(party, fields):
    said = fields.get("error_description", "")
    party.notes.expect(DESCRIPTION.fullmatch(said), "an error_description of the characters that are allowed", said)


def token_error(party, answer, status, allowed):
    body = answer.json() or {}
    party.notes.expect(answer.status == status, f"status {status} of the token endpoint", answer)
    party.notes.expect(answer.media_type == "application/json", "application/json", answer)
    party.notes.expect(body.get("error") in allowed, f"the error {' or '.join(allowed)}", answer)
    described(party, body)


def tokens(party, answer):
    """The answer of the token endpoint, with the claims of its ID token."""
    body = answer.json()
    party.notes.need(answer.status == 200 and isinstance(body, dict), "tokens", answer)
    party.notes.expect(answer.media_type == "application/json", "application/json", answer.media_type)
    party.notes.expect("no-store" in (answer.headers.get("cache-control") or ""), "Cache-Control: no-store",
                       answer.headers.get("cache-control"))
    party.notes.need(isinstance(body.get("access_token"), str), "an access_token", sorted(body))
    party.notes.expect(str(body.get("token_type")).lower() == "bearer", "token_type Bearer", body.get("token_type"))
    lives = body.get("expires_in", 1)
    party.notes.expect(is_number(lives) and lives > 0, "expires_in, a number above 0", lives)
    party.notes.need(isinstance(body.get("id_token"), str), "an id_token", sorted(body))
    body["header"], body["claims"] = id_token(party, body["id_token"])
    hashed = body["claims"].get("at_hash")
    expected = half_hash(body["access_token"], body["header"]["alg"])
    party.notes.expect(hashed in (None, expected), f"at_hash {expected}", hashed)
    return body


def half_hash(text, algorithm):
    digest = hashlib.new(f"sha{algorithm[-3:]}" if algorithm != "EdDSA" else "sha512", text.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def id_token(party, text):
    """Header and claims of an ID token, whose signature a published key must have made."""
    try:
        token = jws.deserialize_compact(text, party.keys, algorithms=ALGORITHMS)
    except (JoseError, ValueError) as broken:
        party.notes.need(False, "an ID token that a published key has signed", repr(broken))
    header, claims = token.headers(), read_json(party, token.payload)
    offered = party.metadata.get("id_token_signing_alg_values_supported", [])
    party.notes.expect(header["alg"] in offered, f"one of the algorithms {offered}", header["alg"])
    # joserfc takes a token without `kid` for any key's where there is only one.
    party.notes.expect(header.get("kid"), "a kid in the ID token's header", header)
    addressed(party, claims)
    timed(party, claims)
    nonce = party.sent.get("nonce")
    party.notes.expect(claims.get("nonce") == nonce, f"nonce {nonce}", claims.get("nonce"))
    kinds(party, claims, "the ID token")
    return header, claims


def read_json(party, payload):
    try:
        claims = json.loads(payload)
    except ValueError:
        claims = None
    party.notes.need(isinstance(claims, dict), "an object of claims", payload[:200])
    return claims


def addressed(party, claims):
    issuer, client = party.metadata["issuer"], party.client["client_id"]
    party.notes.expect(claims.get("iss") == issuer, f"iss {issuer}", claims.get("iss"))
    audience = claims.get("aud")
    several = audience if isinstance(audience, list) else [audience]
    party.notes.expect(client in several, f"aud {client}", audience)
    needed = len(several) > 1
    party.notes.expect(claims.get("azp", None if needed else client) == client, f"azp {client}", claims.get("azp"))
    subject = claims.get("sub")
    is_subject = isinstance(subject, str) and subject.isascii() and 0 < len(subject) <= 255
    party.notes.expect(is_subject, "sub, of 1 to 255 characters of ASCII", subject)


def timed(party, claims):
    now = time.time()
    for name, is_so, what in (
        ("exp", lambda at: at > now - SKEW, "a time to come"),
        ("iat", lambda at: at < now + SKEW, "a time past"),
        ("auth_time", lambda at: at < now + SKEW, "a time past"),
        ("nbf", lambda at: at < now + SKEW, "a time past"),
    ):
        at = claims.get(name)
        if at is None and name in ("auth_time", "nbf"):
            continue
        party.notes.expect(is_number(at) and is_so(at), f"{name}, {what}", at)


def kinds(party, claims, where):
    """The standard claims are of the types that OpenID Connect gives them."""
    for name, kind in KINDS.items():
        value = claims.get(name)
        party.notes.expect(name not in claims or isinstance(value, kind), f"{name} in {where} as {kind.__name__}", value)
    if "updated_at" in claims:
        at = claims["updated_at"]
        is_past = is_number(at) and 0 < at < time.time() + SKEW
        party.notes.expect(is_past, f"updated_at in {where}, seconds of a time past", at)
    if isinstance(claims.get("address"), dict):
        texts = all(isinstance(value, str) for value in claims["address"].values())
        party.notes.expect(texts, "an address of texts", claims["address"])
    born = claims.get("birthdate", "0000")
    party.notes.expect(re.fullmatch(r"\d{4}(-\d\d-\d\d)?", str(born)), "birthdate as YYYY-MM-DD or YYYY", born)


def userinfo(party, answer, claims):
    body = answer.json()
    party.notes.need(answer.status == 200 and isinstance(body, dict), "userinfo", answer)
    party.notes.expect(answer.media_type == "application/json", "application/json", answer.media_type)
    party.notes.expect(body.get("sub") == claims["sub"], f"sub {claims['sub']} as in the ID token", body.get("sub"))
    kinds(party, body, "userinfo")
    return body
