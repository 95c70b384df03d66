"""A Django site that signs people in by mozilla-django-oidc, by its chapter "Installation"."""

from base import *  # noqa: F403
from base import CLIENT_ID, CLIENT_SECRET, INSTALLED_APPS, ISSUER

INSTALLED_APPS = [*INSTALLED_APPS, "mozilla_django_oidc"]
AUTHENTICATION_BACKENDS = ["site_backend.Backend"]
ROOT_URLCONF = "site_urls"

OIDC_RP_CLIENT_ID = CLIENT_ID
OIDC_RP_CLIENT_SECRET = CLIENT_SECRET
OIDC_OP_AUTHORIZATION_ENDPOINT = f"{ISSUER}/oidc/authorize"
OIDC_OP_TOKEN_ENDPOINT = f"{ISSUER}/oidc/token"
OIDC_OP_USER_ENDPOINT = f"{ISSUER}/oidc/userinfo"
OIDC_OP_JWKS_ENDPOINT = f"{ISSUER}/oidc/jwks"
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_RP_SCOPES = "openid email profile"
OIDC_USE_PKCE = True
OIDC_STORE_ID_TOKEN = True
OIDC_OP_LOGOUT_URL_METHOD = "site_backend.sign_out_url"
ALLOW_LOGOUT_GET_METHOD = True
