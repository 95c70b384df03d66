"""The site's addresses."""

from django.urls import include, path
from site_page import page

urlpatterns = [path("", page(lambda user: user.username)), path("oidc/", include("mozilla_django_oidc.urls"))]
