"""What each provider ends with where it is not PASSED, and why that is right."""

EXPECTED = {
    "doorkey": {},
    "oidc-provider": {},
}
