-- What lets somebody in to the admin pages. They belong to no workspace: one admin may look after several. `workspaces` is `*`, or the
-- numbers of workspaces between spaces.

-- A link that works once: it is gone when it was used. `hash` is a keyed hash of its token.
CREATE TABLE admin_links (
    id BYTEA NOT NULL PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    workspaces TEXT COLLATE "C" NOT NULL,
    key_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    seal BYTEA NOT NULL
);

-- Who is signed in. `hash` is a keyed hash of the cookie.
CREATE TABLE admin_sessions (
    id BYTEA NOT NULL PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    workspaces TEXT COLLATE "C" NOT NULL,
    key_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    seal BYTEA NOT NULL
);

-- The names that a proxy may bring. A name that was disallowed stays as a row, with `ended_at` and a seal of zeros, so that no backup
-- brings it back in.
CREATE TABLE admin_allowances (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    id BYTEA NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    workspaces TEXT COLLATE "C" NOT NULL,
    key_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT,
    ended_at BIGINT,
    seal BYTEA NOT NULL
);
