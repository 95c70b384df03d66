"""The module of oidcc-config-certification-test-plan: what the discovery document must say."""

import re
import urllib.parse

RESPONSE_TYPES = {"code", "code id_token", "id_token", "id_token token", "code id_token token", "code token"}
# RFC 5646, without its irregular tags: language, script, region and variants, each as it is written by convention.
LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?(-([a-z0-9]{5,8}|\d[a-z0-9]{3}))*")
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def discovery(party):
    document, notes = party.metadata, party.notes
    answer = party.call("GET", party.settings.discovery_url)
    notes.expect(answer.media_type == "application/json", "application/json", answer.media_type)
    issuer = document["issuer"]
    address = issuer.rstrip("/") + "/.well-known/openid-configuration"
    notes.expect(party.settings.discovery_url == address, f"the document at {address}", party.settings.discovery_url)
    parts = urllib.parse.urlsplit(issuer)
    notes.expect(not parts.query and not parts.fragment and parts.netloc, "an issuer that is a bare URL", issuer)
    encrypted(party)
    lists(party)
    flags(party)
    locales(party)


def lists(party):
    notes = party.notes
    some(party, "response_types_supported", RESPONSE_TYPES)
    some(party, "subject_types_supported", {"pairwise", "public"})
    algorithms = texts(party, "id_token_signing_alg_values_supported")
    notes.expect("RS256" in algorithms, "RS256 in id_token_signing_alg_values_supported", algorithms)
    if "userinfo_signing_alg_values_supported" in party.metadata:
        texts(party, "userinfo_signing_alg_values_supported")
    if "grant_types_supported" in party.metadata:
        notes.expect(texts(party, "grant_types_supported"), "grant types", [])
    if "request_object_signing_alg_values_supported" in party.metadata:
        objects = texts(party, "request_object_signing_alg_values_supported")
        notes.wish("RS256" in objects, "RS256 for request objects", objects)
    claims = party.metadata.get("claims_supported")
    notes.wish(isinstance(claims, list), "claims_supported", claims)
    notes.wish("scopes_supported" in party.metadata, "scopes_supported", None)
    scopes = texts(party, "scopes_supported")
    notes.expect("openid" in scopes, "openid in scopes_supported", scopes)
    notes.expect(all(SCOPE.fullmatch(scope) for scope in scopes), "scopes of the characters that are allowed", scopes)
    if "code_challenge_methods_supported" in party.metadata:
        texts(party, "code_challenge_methods_supported")


def flags(party):
    for name in ("claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported"):
        flag = party.metadata.get(name, False)
        party.notes.expect(isinstance(flag, bool), f"{name} as true or false", flag)


def locales(party):
    for name in ("ui_locales_supported", "claims_locales_supported"):
        if name in party.metadata:
            wrong = [tag for tag in texts(party, name) if not LOCALE.fullmatch(tag)]
            party.notes.expect(not wrong, f"{name} as BCP 47 has them", wrong)


def encrypted(party):
    """Endpoints are https; the suite knows no exception, this run lets a provider on this machine be."""
    issuer = urllib.parse.urlsplit(party.metadata["issuer"])
    schemes = ("http", "https") if issuer.hostname in LOOPBACK else ("https",)
    for name, value in party.metadata.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            parts = urllib.parse.urlsplit(str(value))
            is_so = parts.scheme in schemes and parts.netloc and not parts.fragment
            party.notes.expect(is_so, f"{name}, an address by https", value)


def texts(party, name):
    values = party.metadata.get(name)
    is_list = isinstance(values, list) and all(isinstance(value, str) for value in values)
    party.notes.expect(is_list, f"{name}, a list of texts", values)
    return values if is_list else []


def some(party, name, known):
    values = texts(party, name)
    party.notes.expect(known & set(values), f"one of {sorted(known)} in {name}", values)


MODULES = {"oidcc-discovery-endpoint-verification": discovery}
