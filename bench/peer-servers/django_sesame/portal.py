"""django-sesame set up by its documentation, in one file: `gunicorn portal:application`, `python portal.py fill COUNT`."""

import os
import sys

import django
from django.conf import settings

ENGINES = {
    "sqlite": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("BENCH_DATABASE"),
        "OPTIONS": {
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        },
    },
    "postgres": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": os.environ.get("BENCH_POSTGRES_PORT"),
        "NAME": "django_sesame",
        "USER": "postgres",
    },
}

settings.configure(
    SECRET_KEY=os.environ["BENCH_SECRET"],
    ALLOWED_HOSTS=["portal.example.com"],
    ROOT_URLCONF="portal_urls",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={"default": {**ENGINES[os.environ["BENCH_ENGINE"]], "CONN_MAX_AGE": None}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend", "sesame.backends.ModelBackend"],
    LOGIN_REDIRECT_URL="/",
    SESAME_MAX_AGE=7200,
    SESAME_ONE_TIME=True,
    USE_TZ=True,
)
django.setup()


def fill(count):
    """The tables, and users 1 to `count`."""
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    users = (
        User(username=f"user{number}", email=f"user{number}@example.com", password=make_password(None))
        for number in range(1, count + 1)
    )
    User.objects.bulk_create(users, batch_size=1000)


if __name__ == "__main__":
    fill(int(sys.argv[2]))
else:
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()
