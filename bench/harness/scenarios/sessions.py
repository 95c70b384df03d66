"""Sessions: a proxy asks who is signed in, alone and among all else that people do."""

import datetime
import time

from .. import doorkey, machine
from ..doorkey import Database
from ..load import lines, numbers, to_the_end
from ..rounds import PEOPLE, SESSIONS, USERS, against_baseline, alone

# A session that was seen is written down again once this long has passed (docs/operations.md), and one second to be sure.
MINUTE = 61


def sign_in(data, people):
    """Signs clients in; a file of their session cookies."""
    answers, cookies = machine.SCRATCH / "answers", machine.SCRATCH / "cookies"
    with data.serve("before") as server:
        to_the_end(server, data.ask(people, save=str(answers)))
        tokens = lines(doorkey.tokens_of(answers), endless=False)
        to_the_end(server, doorkey.redeem(tokens, save=str(cookies)))
    return cookies


def verify(_):
    """10,000 people who are signed in are asked about in no order: each for the first time in its minute, which is written
    down, then again and again within the minute."""
    data = Database.with_users(USERS)
    cookies = sign_in(data, numbers(SESSIONS, step=USERS // SESSIONS, endless=False))
    seen = {"last": time.time()}

    def first():
        time.sleep(max(0, seen["last"] + MINUTE - time.time()))
        begun = time.time()
        run = alone(data, doorkey.verify(lines(cookies, endless=False)), seconds=MINUTE)
        seen["last"] = time.time()
        must_be_written(data, begun)
        return run

    return against_baseline({
        "verify, first in a minute": first,
        "verify": lambda: alone(data, doorkey.verify(lines(cookies, endless=True))),
    })


def must_be_written(data, begun):
    """Each session must have been seen since then: else something else was measured."""
    with data.serve("after") as server:
        found = data.get(server, "/api/sessions?sort=last_seen_at:asc&limit=1")
    oldest = datetime.datetime.fromisoformat(found["data"][0]["last_seen_at"])
    if found["meta"]["total"] != SESSIONS or oldest.timestamp() < begun:
        machine.stop(f"of {found['meta']['total']} sessions, one was last seen at {oldest}")


def mixed(_):
    """90 % verify, 8 % reuse, 1 % new links, 1 % redemptions, of 10,000 people who are signed in and 100,000 who have a live link."""
    data = Database.with_users(USERS)
    cookies = sign_in(data, numbers(SESSIONS, endless=False))
    share, begins = 20_000, iter(range(200_000, USERS, 40_000))
    have_links = {"count": PEOPLE, "start": PEOPLE}
    with data.serve("before") as server:
        to_the_end(server, data.ask(numbers(**have_links, endless=False)))

    def once():
        begin = next(begins)
        answers = machine.SCRATCH / "answers"
        with data.serve("before") as server:
            to_the_end(server, data.ask(numbers(share, begin, endless=False), save=str(answers)))
        return alone(data, [
            {**doorkey.verify(lines(cookies, endless=True)), "weight": 90},
            {**data.ask(numbers(**have_links)), "weight": 8},
            {**data.ask(numbers(share, begin + share, endless=False)), "weight": 1},
            {**doorkey.redeem(lines(doorkey.tokens_of(answers), endless=False)), "weight": 1},
        ])

    return against_baseline({"mixed": once})
