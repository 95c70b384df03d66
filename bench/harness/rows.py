"""Rows by the million for lists, written straight into the database of a server that is stopped.

A list reads neither tokens nor seals, so copies of one real row will do: but for its keys and moments, each is as the server wrote it.
"""

import contextlib
import os
import sqlite3

# Copies are made, by their moments, so many milliseconds before the row that they are of, one before the other.
PRIME = 7_919
KEYS = {
    "login_links": {
        "hash": "at(first.created_at - n, 26)",
        "id": "uuid_at(first.created_at - n)",
        "user_id": f"1 + n * {PRIME} % :count",
        "created_at": "first.created_at - n",
        "expires_at": "first.expires_at - n",
    },
    "sessions": {
        "id": "uuid_at(first.created_at - n)",
        "user_id": f"1 + n * {PRIME} % :count",
        "created_at": "first.created_at - n",
        "last_seen_at": "first.last_seen_at - n",
        "expires_at": "first.expires_at - n",
    },
}
LIVE = {"login_links": "ended_at IS NULL", "sessions": "true"}


def copies(data, table, count):
    """Makes the one live row of a table so many; their users are 1 to `count`, in no order."""
    with contextlib.closing(sqlite3.connect(data.folder / "doorkey.db")) as database:
        database.create_function("at", 2, lambda time, more: time.to_bytes(6, "big") + os.urandom(more))
        database.create_function("uuid_at", 1, uuid_at)
        columns = [column[1] for column in database.execute(f"PRAGMA table_info({table})")]
        values = [KEYS[table].get(column, f"first.{column}") for column in columns]
        database.execute(
            f"WITH RECURSIVE rows (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM rows WHERE n < :count - 1) "
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} "
            f"FROM rows CROSS JOIN (SELECT * FROM {table} WHERE {LIVE[table]} LIMIT 1) first",
            {"count": count},
        )
        database.commit()


def uuid_at(time):
    """A UUID of version 7, as doorkey gives them."""
    chance = bytearray(os.urandom(10))
    chance[0] = 0x70 | chance[0] & 0x0F
    chance[2] = 0x80 | chance[2] & 0x3F
    return time.to_bytes(6, "big") + bytes(chance)
