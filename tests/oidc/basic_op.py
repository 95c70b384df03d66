#!/usr/bin/env python3
"""Runs the conformance suite's plans "Basic OP", "Config OP" and "RP-Initiated Logout OP" against a provider.

    basic_op.py CONFIG.json [--provider doorkey|oidc-provider] [--user NAME] [--suite-url URL] [--only MODULE]…

CONFIG.json is the file that the suite itself takes (docs/oidc-conformance-config.json). What a person does, the program does: at doorkey
it asks the API for a login link of user NAME (a number; 1) with the key in DOORKEY_API_KEY. One line a module says how it
ended and why; it exits with 0 where every module ended as is to be expected of the provider.
"""

import argparse
import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from op.expected import EXPECTED
from op.outcome import Notes, run
from op.plans import PLANS
from op.providers import PROVIDERS
from op.relying_party import RelyingParty, Settings

AT_ONCE = 12


def arguments(about):
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--provider", choices=PROVIDERS, default="doorkey")
    parser.add_argument("--user", default="1")
    parser.add_argument("--suite-url", default="https://localhost.emobix.co.uk:8443")
    parser.add_argument("--only", action="append", metavar="MODULE")
    return parser.parse_args()


def judge(name, module, settings, provider):
    """How a module ends, from a discovery document and a browser of its own."""
    notes = Notes()

    def act():
        module(RelyingParty(settings, provider, notes))

    return run(name, notes, act)


def prepare(given):
    """The settings and the person at the provider, as the command line has them."""
    settings = Settings(json.loads(given.config.read_text()), given.suite_url)
    issuer = settings.discovery_url.removesuffix("/.well-known/openid-configuration")
    return settings, PROVIDERS[given.provider](issuer, given.user, os.environ.get("DOORKEY_API_KEY", ""))


def main():
    given = arguments(__doc__)
    settings, provider = prepare(given)
    modules = [(name, module) for plan in PLANS.values() for name, module in plan.items()]
    if given.only:
        modules = [(name, module) for name, module in modules if name in given.only]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # The one that waits longest goes first.
        waiting = {name: pool.submit(judge, name, module, settings, provider)
                   for name, module in sorted(modules, key=lambda each: "30seconds" not in each[0])}
    outcomes = {name: waiting[name].result() for name, _ in modules}
    for name, (outcome, reason) in outcomes.items():
        print(f"{outcome} {name}" + (f" : {reason}" if reason else ""))
    return conclude(outcomes, EXPECTED[given.provider])


def conclude(outcomes, expected):
    surprises = 0
    for name, (outcome, _) in outcomes.items():
        usual, why = expected.get(name, ("PASSED", "it must"))
        if outcome != usual:
            surprises += 1
            print(f"NOT AS EXPECTED {name}: {usual} is ({why})")
    counts = Counter(outcome for outcome, _ in outcomes.values())
    words = ", ".join(f"{counts[outcome]} {outcome.lower()}" for outcome in ("PASSED", "WARNING", "SKIPPED", "FAILED"))
    print(f"{len(outcomes)} modules: {words}; {surprises} not as expected")
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
