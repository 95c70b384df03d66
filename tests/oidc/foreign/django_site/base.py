"""What the three Django sites have in common: a database in a folder of the run's, and a page that says who is signed in."""

import os
from pathlib import Path

from django.http import JsonResponse

ISSUER, URL = os.environ["ISSUER"], os.environ["URL"]
CLIENT_ID, CLIENT_SECRET = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]

SECRET_KEY = "only for this run, on this machine"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(os.environ["FOLDER"], "site.db")}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_REDIRECT_URL = "/"


def page(sub_of):
    """A page for `/`: what Django itself knows of the person, and the `sub` that the library keeps, if it does."""

    def home(request):
        user = request.user
        if not user.is_authenticated:
            return JsonResponse({"signed_in": False})
        said = {"signed_in": True, "email": user.email}
        if user.get_full_name():
            said["name"] = user.get_full_name()
        sub = sub_of(user)
        return JsonResponse(said | ({"sub": sub} if sub else {}))

    return home
