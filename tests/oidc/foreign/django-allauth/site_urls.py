"""The site's addresses."""

from django.urls import include, path
from site_page import page

urlpatterns = [
    path("", page(lambda user: user.socialaccount_set.get().uid)),
    path("accounts/", include("allauth.urls")),
]
