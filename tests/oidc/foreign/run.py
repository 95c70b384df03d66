"""Signs a person in to applications and libraries of others, each started for real. Usage: run.py INSTALLED [NAME...], where
INSTALLED/NAME is a virtual environment with what NAME/requirements.txt lists, and DOORKEY_BIN names doorkey."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from doorkey import Doorkey, end, free_port, tail, wait_for
from driver import Browser, expect, land, short, through
from failure import Failure

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE / "django_site"))
NAMES = ["mozilla-django-oidc", "django-allauth", "social-auth", "streamlit", "jupyterhub", "synapse"]


@dataclass
class Place:
    """Where one application lives, and as whom doorkey knows it."""

    name: str
    source: Path
    installed: Path
    folder: Path
    port: int
    doorkey: Doorkey
    client_id: str = ""
    client_secret: str = ""
    subs: set = field(default_factory=set)

    @property
    def url(self):
        # Another host than doorkey's, so that neither sees the cookies of the other.
        return f"http://127.0.0.1:{self.port}"

    def python(self, *arguments, given=None):
        """Runs something in the application's environment; it must go well. Gives what it printed."""
        return self.command([self.installed / "bin/python", *arguments], given)

    def command(self, words, given=None):
        done = subprocess.run([str(word) for word in words], cwd=self.folder, env=self.environment(), input=given,
                              capture_output=True, text=True, check=False, timeout=120)
        expect(done.returncode == 0, f"{Path(words[0]).name} {words[1:]} failed\n{done.stdout[-2000:]}{done.stderr[-3000:]}")
        return done.stdout

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
        return kept | {
            "PATH": f"{self.installed / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": f"{self.source}:{HERE / 'django_site'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(self.folder),
            "ISSUER": self.doorkey.url,
            # Whatever it asks by trusts the root of this run.
            "SSL_CERT_FILE": self.doorkey.root,
            "REQUESTS_CA_BUNDLE": self.doorkey.root,
            "CLIENT_ID": self.client_id,
            "CLIENT_SECRET": self.client_secret,
            "URL": self.url,
            "PORT": str(self.port),
            "FOLDER": str(self.folder),
        }

    def tells(self, said, email=True):
        """Whether the application knows the person: by address, by name, and by the one `sub` that all of them are told."""
        known = {"email": Doorkey.EMAIL, "name": f"{Doorkey.FIRST} {Doorkey.LAST}"}
        for claim, right in known.items():
            expect(claim not in said or said[claim] == right, f"{claim} is {said.get(claim)!r}, not {right!r}: {said}")
        expect(not email or "email" in said, f"no address: {said}")
        if "sub" in said:
            expect(len(said["sub"]) == 22 and said["sub"].isalnum(), f"no sub of doorkey: {said}")
            self.subs.add(said["sub"])
            expect(len(self.subs) == 1, f"other applications were told another sub: {self.subs}")


def module_of(name):
    description = importlib.util.spec_from_file_location(f"drive_{name.replace('-', '_')}", HERE / name / "drive.py")
    module = importlib.util.module_from_spec(description)
    description.loader.exec_module(module)
    return module


def version(installed, package):
    words = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    found = subprocess.run([installed / "bin/python", "-c", words, package], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def ways(drive, place):
    """Every way in that the application has, each in a browser of its own."""
    doorkey, callback = place.doorkey, place.url + drive.CALLBACK
    browser = Browser(doorkey.root)
    drive.nobody(browser, place)
    last, asked = through(browser, doorkey, drive.sign_in(browser, place), callback)
    expect(short(last.url) == place.url + drive.END, f"the way ends at {short(last.url)}: {last.text[:2000]}")
    said = drive.who(browser, place, last)
    kinds = [kind for kind in ("state", "nonce") if asked.get(kind)]
    if asked.get("code_challenge"):
        kinds.insert(0, f"PKCE {asked['code_challenge_method']}")
    expect(("code_challenge" in asked) == drive.PKCE, f"it is said to send PKCE: {drive.PKCE}, but it sent {asked}")
    landed, signed_out = "no start URL", ""
    if hasattr(drive, "sign_out"):
        drive.sign_out(browser, place, said)
        again = browser.follow(drive.sign_in(browser, place))
        expect(again.url.startswith(f"{doorkey.url}/login?return="), f"still signed in to doorkey: {short(again.url)}")
        signed_out = "; a sign-out ends both sessions"
    if drive.START:
        other = Browser(doorkey.root)
        drive.nobody(other, place)
        its_page = getattr(drive, "on_its_page", None)
        # Where a sign-in can lead to a page deep in it, the link does.
        deep = f"{place.url}{drive.END}?deep=1" if drive.DEEP else ""
        link = doorkey.link(app=place.client_id, **({"redirect": deep} if deep else {}))
        last, asked_again = land(other, doorkey, link, callback, its_page and partial(its_page, other, place))
        expect(last.url.startswith(deep or place.url + drive.END), f"the link leads to {short(last.url)}: {last.text[:2000]}")
        drive.who(other, place, last)
        landed = "a link leads deep into it" if deep else "a link leads into it"
        if asked_again.get("prompt"):
            landed += f", by a page that prompt={asked_again['prompt']} asks for"
    return f"says {said}; sent {', '.join(kinds)}; {landed}{signed_out}"


def try_one(name, installed, doorkey, subs):
    drive, installed = module_of(name), installed / name
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:
        place = Place(name, HERE / name, installed, Path(folder), free_port(), doorkey, subs=subs)
        start = ["--start-url", place.url + drive.START] if drive.START else []
        flags = [*start, *(flag.replace("{url}", place.url) for flag in drive.FLAGS)]
        app = doorkey.add_app(name, "--redirect-uri", place.url + drive.CALLBACK, *flags)
        place.client_id, place.client_secret = app["client_id"], app["client_secret"]
        log = place.folder / "log"
        with open(log, "w") as output:
            command = [str(word) for word in drive.prepare(place)]
            process = subprocess.Popen(command, cwd=folder, env=place.environment(), stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=output, start_new_session=True)
        try:
            wait_for(name, place.url + drive.READY, process, 90, log)
            return ways(drive, place)
        except BaseException:
            print(f"--- what {name} wrote\n{tail(log)}", file=sys.stderr)
            print(f"--- what doorkey refused it\n{doorkey.refusals(place.client_id)}", file=sys.stderr)
            raise
        finally:
            end(process)


def main():
    if len(sys.argv) < 2 or "DOORKEY_BIN" not in os.environ:
        sys.exit(__doc__)
    installed, names = Path(sys.argv[1]).resolve(), sys.argv[2:] or NAMES
    failed, subs, lines = 0, set(), []
    with Doorkey(os.path.realpath(os.environ["DOORKEY_BIN"])) as doorkey:
        for name in names:
            title = f"{name} (not installed)"
            try:
                title = f"{name} {version(installed / name, module_of(name).PACKAGE)}"
                lines.append(f"PASS {title}: {try_one(name, installed, doorkey, subs)}")
            except Exception as problem:
                if not isinstance(problem, Failure):
                    traceback.print_exc()
                print(f"--- {title}\n{problem}", file=sys.stderr)
                failed += 1
                lines.append(f"FAIL {title}: {str(problem).splitlines()[0] if str(problem) else type(problem).__name__}")
            print(lines[-1], flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
