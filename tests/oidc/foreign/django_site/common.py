"""How the driver deals with a Django site of django_site/base.py."""

import json

from driver import expect


def prepare(place):
    manage = ["-m", "django"]
    place.python(*manage, "migrate", "--verbosity=0", "--settings=site_settings")
    return [place.installed / "bin/python", *manage, "runserver", "--noreload", "--settings=site_settings",
            f"127.0.0.1:{place.port}"]


def nobody(browser, place):
    said = json.loads(browser.open(f"{place.url}/").text)
    expect(said == {"signed_in": False}, f"somebody is signed in before the sign-in: {said}")


def who(browser, place, _):
    said = json.loads(browser.open(f"{place.url}/").text)
    expect(said["signed_in"] is True, f"nobody is signed in: {said}")
    place.tells(said)
    return said
