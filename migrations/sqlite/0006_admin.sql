-- What lets somebody in to the admin pages. They belong to no workspace: one admin may look after several. `workspaces` is `*`, or the
-- numbers of workspaces between spaces.

-- A link that works once: it is gone when it was used. `hash` is a keyed hash of its token.
CREATE TABLE admin_links (
    id BLOB NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    workspaces TEXT NOT NULL,
    key_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    seal BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Who is signed in. `hash` is a keyed hash of the cookie.
CREATE TABLE admin_sessions (
    id BLOB NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    workspaces TEXT NOT NULL,
    key_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    seal BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The names that a proxy may bring. A name that was disallowed stays as a row, with `ended_at` and a seal of zeros, so that no backup
-- brings it back in.
CREATE TABLE admin_allowances (
    name TEXT NOT NULL PRIMARY KEY,
    id BLOB NOT NULL,
    role TEXT NOT NULL,
    workspaces TEXT NOT NULL,
    key_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER,
    ended_at INTEGER,
    seal BLOB NOT NULL
) STRICT, WITHOUT ROWID;
