"""What each provider ends with where it is not PASSED, and why that is right.

The suite leaves out oidcc-idtoken-signature, oidcc-idtoken-unsigned and the module of request_uri where the client was
registered by hand; here they run, with the same skips as the suite has for a client that registered itself.
"""

UNSIGNED = "SKIPPED", "ID tokens are always signed, as almost everywhere"
NO_REQUEST_URI = "SKIPPED", "requests by reference are not known, which OpenID Connect Core, 3.1.2.6, has an error for"
NO_REQUEST = "SKIPPED", "request objects are not known, which OpenID Connect Core, 3.1.2.6, has an error for"
NO_ADDRESS = "SKIPPED", "no postal addresses are kept, and scopes_supported says so"

BOTH = {
    "oidcc-idtoken-unsigned": UNSIGNED,
    "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported": NO_REQUEST_URI,
    "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported": NO_REQUEST,
}

EXPECTED = {
    "doorkey": BOTH
    | {
        "oidcc-scope-profile": ("WARNING", "a nickname, a birthdate and the like are not kept; what is kept is told"),
        "oidcc-scope-address": NO_ADDRESS,
        "oidcc-scope-all": NO_ADDRESS,
        "oidcc-claims-essential": ("WARNING", "the claims parameter is not known: the scope says what an app is told"),
        "oidcc-refresh-token": ("SKIPPED", "there are no refresh tokens: an app asks again with prompt=none"),
    },
    "oidc-provider": BOTH
    | {
        "oidcc-ensure-request-with-acr-values-succeeds": (
            "WARNING",
            "its pages for development take any password, and promise nothing by an acr",
        ),
    },
}
