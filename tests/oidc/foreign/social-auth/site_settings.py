"""A Django site that signs people in by social-auth-core's `OpenIdConnectAuth`, by its chapters "OIDC" and "Django Framework"."""

from base import *  # noqa: F403
from base import CLIENT_ID, CLIENT_SECRET, INSTALLED_APPS, ISSUER, page
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.urls import include, path

INSTALLED_APPS = [*INSTALLED_APPS, "social_django"]
AUTHENTICATION_BACKENDS = ["social_core.backends.open_id_connect.OpenIdConnectAuth"]
ROOT_URLCONF = "site_settings"

SOCIAL_AUTH_OIDC_OIDC_ENDPOINT = ISSUER
SOCIAL_AUTH_OIDC_KEY = CLIENT_ID
SOCIAL_AUTH_OIDC_SECRET = CLIENT_SECRET
SOCIAL_AUTH_OIDC_USE_PKCE = True


def sub_of(user):
    return user.social_auth.get(provider="oidc").uid


def sign_in(request):
    """A sign-in is begun by a POST with Django's CSRF token."""
    token = f'<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}">'
    return HttpResponse(f'<form method="post" action="/login/oidc/">{token}<button>Sign in</button></form>')


urlpatterns = [path("", page(sub_of)), path("sign-in/", sign_in), path("", include("social_django.urls", namespace="social"))]
