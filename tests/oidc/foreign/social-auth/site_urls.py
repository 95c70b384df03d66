"""The site's addresses."""

from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.urls import include, path
from site_page import page


def sign_in(request):
    """A sign-in is begun by a POST with Django's CSRF token."""
    token = f'<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}">'
    return HttpResponse(f'<form method="post" action="/login/oidc/">{token}<button>Sign in</button></form>')


urlpatterns = [
    path("", page(lambda user: user.social_auth.get(provider="oidc").uid)),
    path("sign-in/", sign_in),
    path("", include("social_django.urls", namespace="social")),
]
