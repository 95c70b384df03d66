"""A Django site that signs people in by social-auth-core's `OpenIdConnectAuth`, by its chapters "OIDC" and "Django Framework"."""

from base import *  # noqa: F403
from base import CLIENT_ID, CLIENT_SECRET, INSTALLED_APPS, ISSUER

INSTALLED_APPS = [*INSTALLED_APPS, "social_django"]
AUTHENTICATION_BACKENDS = ["social_core.backends.open_id_connect.OpenIdConnectAuth"]
ROOT_URLCONF = "site_urls"

SOCIAL_AUTH_OIDC_OIDC_ENDPOINT = ISSUER
SOCIAL_AUTH_OIDC_KEY = CLIENT_ID
SOCIAL_AUTH_OIDC_SECRET = CLIENT_SECRET
SOCIAL_AUTH_OIDC_USE_PKCE = True
SOCIAL_AUTH_ENABLE_LAUNCH_BRIDGES = ["idp_launch"]
