"""Whom the site takes a person for, by the chapter "Connecting OIDC user identities to Django users"."""

from urllib.parse import urlencode

from django.conf import settings
from mozilla_django_oidc.auth import OIDCAuthenticationBackend


class Backend(OIDCAuthenticationBackend):
    """People are known by their `sub`, and their names are taken over."""

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


def sign_out_url(request):
    """Its chapter "Log user out of the OpenID Connect provider"."""
    leads = {"id_token_hint": request.session["oidc_id_token"], "post_logout_redirect_uri": f"{settings.URL}/"}
    return f"{settings.ISSUER}/oidc/end_session?{urlencode(leads)}"
