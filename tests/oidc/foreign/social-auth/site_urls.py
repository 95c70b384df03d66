"""The site's addresses."""

from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.urls import include, path
from django.utils.html import format_html_join
from site_page import page


def sign_in(request):
    """A sign-in is begun by a POST with Django's CSRF token, and with where it leads to."""
    fields = {"csrfmiddlewaretoken": get_token(request), "next": request.GET.get("next", "/")}
    inputs = format_html_join("", '<input type="hidden" name="{}" value="{}">', fields.items())
    return HttpResponse(f'<form method="post" action="/login/oidc/">{inputs}<button>Sign in</button></form>')


urlpatterns = [
    path("", page(lambda user: user.social_auth.get(provider="oidc").uid)),
    path("sign-in/", sign_in),
    path("", include("social_django.urls", namespace="social")),
]
