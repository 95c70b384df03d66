#!/usr/bin/env python3
"""Shows that basic_op.py judges right: between it and a provider that is right, one thing at a time is made otherwise.

    self_test.py CONFIG.json [the arguments of basic_op.py]
"""

import base64
import io
import json
import re
import sys
import urllib.parse
import urllib.request
import urllib.response

from basic_op import arguments, judge, prepare
from op import browser
from op.plans import PLANS


class Fault(urllib.request.BaseHandler):
    """Changes the address of a request, or the body or the `Location` of an answer, where a part of the address is met."""

    def __init__(self, at, ask=None, body=None, location=None):
        self.at, self.ask, self.body, self.location = at, ask, body, location

    def http_request(self, request):
        if self.ask and self.at in request.full_url:
            request.full_url = self.ask(request.full_url)
        return request

    def http_response(self, request, answer):
        if self.at not in request.full_url or not (self.body or self.location):
            return answer
        headers, body = answer.headers, answer.read()
        if self.body:
            body = self.body(body.decode()).encode()
        if self.location and headers.get("location"):
            headers.replace_header("location", self.location(headers["location"]))
        changed = urllib.response.addinfourl(io.BytesIO(body), headers, request.full_url, answer.status)
        changed.msg = answer.msg
        return changed

    https_request, https_response = http_request, http_response


def without(name):
    return lambda text: re.sub(rf"([?&]){name}=[^&]*", r"\1", text)


def replaced(pattern, by):
    return lambda text: re.sub(pattern, by, text)


def in_json(change):
    def body(text):
        document = json.loads(text)
        change(document)
        return json.dumps(document)

    return body


def spoil_signature(document):
    if "id_token" in document:
        head, claims, signature = document["id_token"].split(".")
        document["id_token"] = ".".join((head, claims, signature[::-1]))


def unpacked(address):
    """What a provider that knows request objects reads."""
    parts = urllib.parse.urlsplit(address)
    claims = urllib.parse.parse_qs(parts.query).get("request", ["."])[0].split(".")[1]
    inside = json.loads(base64.urlsafe_b64decode(claims + "==") or "{}")
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(inside) or parts.query))


def variants(settings):
    """What is right in another way, the module that meets it, and how that ends then."""
    ask, _, _, who, _ = paths(settings)
    objects = {"request_object_signing_alg_values_supported": ["RS256"]}
    return [
        ("request objects that are read", "PASSED", Fault(ask, ask=unpacked),
         "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported"),
        ("a redirect URI that an object has", "PASSED", Fault(ask, ask=unpacked),
         "oidcc-ensure-request-object-with-redirect-uri"),
        ("signed request objects alone", "SKIPPED",
         Fault(".well-known", body=in_json(lambda document: document.update(objects))),
         "oidcc-ensure-request-object-with-redirect-uri"),
        ("no claims of the scope", "WARNING",
         Fault(who, body=in_json(lambda document: document.pop("email", None))), "oidcc-scope-email"),
    ]


def faults(settings):
    """What is made wrong, and the module that must find it."""
    back = settings.post_logout_redirect_uri
    ask, token, keys, who, end = paths(settings)
    return [
        ("another nonce", "oidcc-server", Fault(ask, ask=replaced(r"nonce=", "nonce=x"))),
        ("a nonce of nobody", "oidcc-ensure-request-without-nonce-succeeds-for-code-flow",
         Fault(ask, ask=replaced("scope=", "nonce=x&scope="))),
        ("another state", "oidcc-server", Fault("", location=replaced(r"state=", "state=x"))),
        ("another issuer", "oidcc-server", Fault("", location=replaced(r"iss=http", "iss=https"))),
        ("a state lost with an error", "oidcc-prompt-none-not-logged-in", Fault("", location=without("state"))),
        ("a signature of nobody", "oidcc-server", Fault(token, body=in_json(spoil_signature))),
        ("another access token", "oidcc-userinfo-post-body",
         Fault(token, body=in_json(lambda document: document.update(access_token="x")))),
        ("another person", "oidcc-userinfo-get", Fault(who, body=in_json(lambda document: document.update(sub="x")))),
        ("a text for a truth", "oidcc-scope-email",
         Fault(who, body=in_json(lambda document: document.update(email_verified="true")))),
        ("a private key", "oidcc-server", Fault(keys, body=in_json(lambda document: document["keys"][0].update(d="x")))),
        ("no RS256", "oidcc-discovery-endpoint-verification", Fault(".well-known", body=replaced("RS256", "RS255"))),
        ("no second sign-in", "oidcc-prompt-login", Fault(ask, ask=without("prompt"))),
        ("no age asked", "oidcc-max-age-1", Fault(ask, ask=without("max_age"))),
        ("a sign-in where none may be", "oidcc-prompt-none-not-logged-in", Fault(ask, ask=without("prompt"))),
        ("any redirect URI", "oidcc-ensure-registered-redirect-uri",
         Fault(ask, ask=replaced(r"(%2F)[0-9a-f]{10}(&)", r"\1callback\2"))),
        ("a code of every kind", "oidcc-response-type-missing",
         Fault(ask, ask=replaced("client_id=", "response_type=code&client_id="))),
        ("any address after signing out", "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri",
         Fault(end, ask=replaced(r"(post_logout_redirect)[0-9a-f]{10}", r"\1"))),
        ("an added query let be", "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri",
         Fault(end, ask=replaced(r"%3Ffoo%3Dbar", ""))),
        ("a state that was not sent", "oidcc-rp-initiated-logout-no-state",
         Fault("", location=replaced(r".*/post_logout_redirect.*", back + "?state=x"))),
        ("a person who is let in all the same", "oidcc-rp-initiated-logout-no-params", Fault(ask, ask=without("prompt"))),
    ]


def paths(settings):
    """Parts of the addresses: where codes, tokens, keys, claims and ends are asked for."""
    opener = browser.plain_opener()
    _, _, body = browser.send(opener, "GET", settings.discovery_url, {}, None)
    document = json.loads(body)
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint")
    first, *others = (document[name] for name in names)
    return first + "?", *others


def main():
    given = arguments(__doc__)
    settings, provider = prepare(given)
    modules = {name: module for plan in PLANS.values() for name, module in plan.items()}
    cases = [(what, "FAILED", fault, name) for what, name, fault in faults(settings)] + variants(settings)
    misjudged = 0
    for what, right, fault, name in cases:
        browser.BETWEEN[:] = [fault]
        outcome, reason = judge(name, modules[name], settings, provider)
        # What breaks the program itself is no finding.
        is_right = outcome == right and (right != "FAILED" or reason.startswith("expected"))
        misjudged += not is_right
        print(f"{'ok' if is_right else 'MISJUDGED'} {what}, by {name}: {outcome} {reason}"[:200])
    print(f"{len(cases)} cases, {misjudged} misjudged")
    return 1 if misjudged else 0


if __name__ == "__main__":
    sys.exit(main())
