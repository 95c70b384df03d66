"""A Django site that signs people in by mozilla-django-oidc, by its chapter "Installation"."""

from base import *  # noqa: F403
from base import CLIENT_ID, CLIENT_SECRET, INSTALLED_APPS, ISSUER, page
from django.contrib.auth.models import AnonymousUser
from django.urls import include, path
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

INSTALLED_APPS = [*INSTALLED_APPS, "mozilla_django_oidc"]
AUTHENTICATION_BACKENDS = ["site_settings.Backend"]
ROOT_URLCONF = "site_settings"

OIDC_RP_CLIENT_ID = CLIENT_ID
OIDC_RP_CLIENT_SECRET = CLIENT_SECRET
OIDC_OP_AUTHORIZATION_ENDPOINT = f"{ISSUER}/oidc/authorize"
OIDC_OP_TOKEN_ENDPOINT = f"{ISSUER}/oidc/token"
OIDC_OP_USER_ENDPOINT = f"{ISSUER}/oidc/userinfo"
OIDC_OP_JWKS_ENDPOINT = f"{ISSUER}/oidc/jwks"
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_RP_SCOPES = "openid email profile"
OIDC_USE_PKCE = True


class Backend(OIDCAuthenticationBackend):
    """Its chapter "Connecting OIDC user identities to Django users": the name is taken over, and people are known by `sub`."""

    def filter_users_by_claims(self, claims):
        return self.UserModel.objects.filter(username=claims["sub"])

    def get_username(self, claims):
        return claims["sub"]

    def create_user(self, claims):
        return self.update_user(super().create_user(claims), claims)

    def update_user(self, user, claims):
        user.email = claims["email"]
        user.first_name, user.last_name = claims["given_name"], claims["family_name"]
        user.save()
        return user


def sub_of(user):
    return "" if isinstance(user, AnonymousUser) else user.username


urlpatterns = [path("", page(sub_of)), path("oidc/", include("mozilla_django_oidc.urls"))]
