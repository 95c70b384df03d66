"""What grows with the number of people, and what a start takes."""

import functools
import statistics
import time

from .. import doorkey, machine
from ..doorkey import Database
from ..load import numbers, summary, to_the_end
from ..rounds import FEW, HUGE, PEOPLE, ROUNDS, USERS, alone, rounds


def size(is_long):
    """Reuse in no order among few people, 100,000, and very many; of very many, 1,000,000 who are spread over all have a link."""
    sizes = [FEW, PEOPLE, HUGE if is_long else USERS]
    contenders = {}
    for count in sizes:
        data = Database.with_users(count, f"size-{count}")
        people = min(count, USERS)
        spread = functools.partial(numbers, people, step=count // people)
        with data.serve("before") as server:
            to_the_end(server, data.ask(spread(endless=False)))
        contenders[f"{count:,}"] = functools.partial(alone, data, data.ask(spread()))
    return {"sizes": sizes, "reuse": rounds(contenders)}


def start(_):
    """From the start of the process to its first answer, a link, with many users in the database; memory; size."""
    data = Database.with_users(USERS)
    answers, idle = [], []
    for _ in range(2 * ROUNDS + 1):
        with data.serve() as server:
            answers.append(server.first_answer * 1e3)
            time.sleep(0.5)
            idle.append(server.memory()["now"])
    stripped = machine.SCRATCH / "stripped"
    machine.run("strip", "-o", stripped, doorkey.BINARY)
    result = {
        "first answer": summary([{"milliseconds": one} for one in answers])["milliseconds"],
        "idle": statistics.median(idle),
        "binary": stripped.stat().st_size / 2**20,
    }
    first = result["first answer"]
    machine.say(
        f"  first answer {first['median']:.1f} ms ({first['least']:.1f}-{first['most']:.1f}), "
        f"idle {result['idle']:.1f} MB, binary {result['binary']:.1f} MB"
    )
    return result
