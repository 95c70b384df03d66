-- What doorkey keeps. Times are milliseconds since 1970; flags are 0 or 1; ids of 16 bytes are UUIDs.
-- Keys start with the workspace, but for the small directory tables: workspaces, hosts, directory, key_fingerprints,
-- transfers,
-- nodes, clock_readings.

-- Two names differ by more than case.
CREATE TABLE workspaces (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    name_folded TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    link_lifetime INTEGER NOT NULL,
    single_use INTEGER NOT NULL,
    landing_url TEXT,
    allowed_redirect_origins TEXT NOT NULL,
    session_lifetime INTEGER NOT NULL,
    session_idle INTEGER NOT NULL,
    cookie_domain TEXT,
    cookie_tag TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE hosts (
    host TEXT NOT NULL PRIMARY KEY,
    workspace_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: the state of the directory, which is workspaces, hosts and API keys. Whoever changes one of them draws another stamp in
-- the same unit, so that what was read of them before is good for as long as the stamp is the same. No number of a workspace is
-- given twice.
CREATE TABLE directory (
    id INTEGER NOT NULL PRIMARY KEY,
    stamp BLOB NOT NULL,
    last_workspace_id INTEGER NOT NULL
) STRICT;

INSERT INTO directory (id, stamp, last_workspace_id) VALUES (1, zeroblob(16), 0);

-- The secret keys that this database uses. The one activated last derives what is new. A retired key stays as a row, so that
-- no key file brings it back.
CREATE TABLE key_fingerprints (
    fingerprint BLOB NOT NULL PRIMARY KEY,
    key_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    activated_at INTEGER,
    retired_at INTEGER
) STRICT, WITHOUT ROWID;

-- One row at most: where this database is transferred to, or what it is being filled from.
CREATE TABLE transfers (
    id BLOB NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    place TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Nodes that serve, each with the keys that it has; a row that was not renewed for some seconds is of a node that is gone.
-- `file_inode` says which file a node of an embedded database has open: a copy of that file is another one.
CREATE TABLE nodes (
    id BLOB NOT NULL PRIMARY KEY,
    key_ids TEXT NOT NULL,
    reported_at INTEGER NOT NULL,
    file_inode INTEGER
) STRICT;

-- What the clocks of the machine said when an embedded database was last served, one row at most: a server that starts sees by
-- it whether the wall clock was moved. Nobody writes it on a server, which has a clock of its own.
CREATE TABLE clock_readings (
    id INTEGER NOT NULL PRIMARY KEY,
    boot TEXT NOT NULL,
    since_boot INTEGER NOT NULL,
    wall INTEGER NOT NULL
) STRICT;

-- The last numbers that a workspace gave to a user and to an API key: a restore takes rows away, and no number is given twice.
CREATE TABLE number_counters (
    workspace_id INTEGER NOT NULL,
    last_user_id INTEGER NOT NULL,
    last_api_key_id INTEGER NOT NULL,
    PRIMARY KEY (workspace_id)
) STRICT;

-- A deleted user stays as a row without a person in it, so that the id is never used again.
--
-- The columns from `newest_link` on say of the newest link what its own row says, under the same seal, so that whoever asks for a
-- link reads this row alone; whoever changes that link changes them in the same unit. They stand before all that may be long.
CREATE TABLE users (
    workspace_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    is_staff INTEGER NOT NULL,
    is_active INTEGER NOT NULL,
    two_factor INTEGER NOT NULL,
    link_epoch INTEGER NOT NULL,
    session_epoch INTEGER NOT NULL,
    deleted_at INTEGER,
    newest_link BLOB,
    newest_id BLOB,
    newest_epoch INTEGER,
    newest_seed BLOB,
    newest_single_use INTEGER,
    newest_created_at INTEGER,
    newest_expires_at INTEGER,
    newest_key_id INTEGER,
    newest_ended_at INTEGER,
    newest_seal BLOB,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    email TEXT,
    email_folded TEXT,
    name_f TEXT NOT NULL,
    name_l TEXT NOT NULL,
    company TEXT NOT NULL,
    phone TEXT NOT NULL,
    note TEXT NOT NULL,
    custom_fields TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, email_folded)
) STRICT, WITHOUT ROWID;

-- Links and sessions hold unless their user is one of these, so a list of them looks here, and reads no row of a user.
CREATE INDEX users_restricted ON users
    (workspace_id, id, link_epoch, session_epoch, is_staff, two_factor, is_active, deleted_at)
    WHERE link_epoch > 0 OR session_epoch > 0 OR is_staff <> 0 OR two_factor <> 0 OR is_active = 0
       OR deleted_at IS NOT NULL;

-- Staff are few among many clients.
CREATE INDEX users_of_staff ON users (workspace_id, id) WHERE is_staff = 1 AND deleted_at IS NULL;

-- How many clients and staff there are in each range of numbers: `place` times `width` is the first number of a range. Totals are
-- sums of wide ranges, and a deep page is found by them without a walk through those before it. Whoever adds a user, deletes one
-- or moves one between the kinds counts it here in the same unit.
CREATE TABLE user_counts (
    workspace_id INTEGER NOT NULL,
    width INTEGER NOT NULL,
    place INTEGER NOT NULL,
    clients INTEGER NOT NULL,
    staff INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, width, place)
) STRICT, WITHOUT ROWID;

-- A link that one use ends says which session it led to: the same confirm, repeated, finds its session by that.
CREATE TABLE login_links (
    workspace_id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    id BLOB NOT NULL,
    user_id INTEGER NOT NULL,
    link_epoch INTEGER NOT NULL,
    seed BLOB NOT NULL,
    single_use INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    used_at INTEGER,
    ended_at INTEGER,
    session_id BLOB,
    seal BLOB NOT NULL,
    last_issued_at INTEGER NOT NULL,
    times_issued INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX login_links_by_end ON login_links (workspace_id, expires_at);

CREATE TABLE sessions (
    workspace_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    user_id INTEGER NOT NULL,
    session_epoch INTEGER NOT NULL,
    link_hash BLOB NOT NULL,
    single_use INTEGER NOT NULL,
    confirm_hash BLOB NOT NULL,
    seed BLOB NOT NULL,
    secret_hash BLOB NOT NULL,
    key_id INTEGER NOT NULL,
    landing TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    seal BLOB NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

-- Only sessions of links that may be used again are looked up by who began them.
CREATE INDEX sessions_by_confirm_hash ON sessions (workspace_id, confirm_hash) WHERE single_use = 0;
CREATE INDEX sessions_by_end ON sessions (workspace_id, expires_at);

-- `scopes` is a set of bits, in the order of `domain/scope.rs`.
CREATE TABLE api_keys (
    workspace_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    hash BLOB NOT NULL,
    scopes INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    seal BLOB NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_log (
    workspace_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    time INTEGER NOT NULL,
    event TEXT NOT NULL,
    user_id INTEGER,
    actor TEXT NOT NULL,
    request_id BLOB NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

-- Without statistics SQLite assumes that ten rows share a workspace, and walks through all its sessions for the one that it
-- looks up. These say: a hundred thousand rows share a workspace, and one has a key. ANALYZE makes the table of them;
-- nothing else writes to it.
ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('sessions', 'sessions', '100000 100000 1'),
    ('sessions', 'sessions_by_confirm_hash', '100000 100000 1'),
    ('sessions', 'sessions_by_end', '100000 100000 1'),
    ('login_links', 'login_links', '100000 100000 1'),
    ('login_links', 'login_links_by_end', '100000 100000 1');
