-- What doorkey keeps. Times are milliseconds since 1970; flags are 0 or 1; ids of 16 bytes are UUIDs.
-- Keys start with the workspace, but for the small directory tables: workspaces, hosts, directory, key_fingerprints,
-- transfers,
-- nodes, clock_readings.
-- Columns are those of the embedded engine; texts compare byte by byte, as they do there.

-- Two names differ by more than case.
CREATE TABLE workspaces (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    name_folded TEXT COLLATE "C" NOT NULL UNIQUE,
    url TEXT COLLATE "C" NOT NULL,
    link_lifetime BIGINT NOT NULL,
    single_use BIGINT NOT NULL,
    landing_url TEXT COLLATE "C",
    allowed_redirect_origins TEXT COLLATE "C" NOT NULL,
    session_lifetime BIGINT NOT NULL,
    session_idle BIGINT NOT NULL,
    cookie_domain TEXT COLLATE "C",
    cookie_tag TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE hosts (
    host TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    workspace_id BIGINT NOT NULL
);

-- One row: the state of the directory, which is workspaces, hosts and API keys. Whoever changes one of them draws another stamp in
-- the same unit, so that what was read of them before is good for as long as the stamp is the same. No number of a workspace is
-- given twice.
CREATE TABLE directory (
    id BIGINT NOT NULL PRIMARY KEY,
    stamp BYTEA NOT NULL,
    last_workspace_id BIGINT NOT NULL
);

INSERT INTO directory (id, stamp, last_workspace_id) VALUES (1, decode(repeat('00', 16), 'hex'), 0);

-- The secret keys that this database uses. The one activated last derives what is new. A retired key stays as a row, so that
-- no key file brings it back.
CREATE TABLE key_fingerprints (
    fingerprint BYTEA NOT NULL PRIMARY KEY,
    key_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    retired_at BIGINT
);

-- One row at most: where this database is transferred to, or what it is being filled from.
CREATE TABLE transfers (
    id BYTEA NOT NULL PRIMARY KEY,
    state TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL
);

-- Nodes that serve, each with the keys that it has; a row that was not renewed for some seconds is of a node that is gone.
-- `file_inode` says which file a node of an embedded database has open: a copy of that file is another one.
CREATE TABLE nodes (
    id BYTEA NOT NULL PRIMARY KEY,
    key_ids TEXT COLLATE "C" NOT NULL,
    reported_at BIGINT NOT NULL,
    file_inode BIGINT
);

-- What the clocks of the machine said when an embedded database was last served, one row at most: a server that starts sees by
-- it whether the wall clock was moved. Nobody writes it on a server, which has a clock of its own.
CREATE TABLE clock_readings (
    id BIGINT NOT NULL PRIMARY KEY,
    boot TEXT COLLATE "C" NOT NULL,
    since_boot BIGINT NOT NULL,
    wall BIGINT NOT NULL
);

-- The last numbers that a workspace gave to a user and to an API key: a restore takes rows away, and no number is given twice.
CREATE TABLE number_counters (
    workspace_id BIGINT NOT NULL,
    last_user_id BIGINT NOT NULL,
    last_api_key_id BIGINT NOT NULL,
    PRIMARY KEY (workspace_id)
);

-- A deleted user stays as a row without a person in it, so that the id is never used again.
--
-- The columns from `newest_link` on say of the newest link what its own row says, under the same seal, so that whoever asks for a
-- link reads this row alone; whoever changes that link changes them in the same unit. They stand before all that may be long.
CREATE TABLE users (
    workspace_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    is_staff BIGINT NOT NULL,
    is_active BIGINT NOT NULL,
    two_factor BIGINT NOT NULL,
    link_epoch BIGINT NOT NULL,
    session_epoch BIGINT NOT NULL,
    deleted_at BIGINT,
    newest_link BYTEA,
    newest_id BYTEA,
    newest_epoch BIGINT,
    newest_seed BYTEA,
    newest_single_use BIGINT,
    newest_created_at BIGINT,
    newest_expires_at BIGINT,
    newest_key_id BIGINT,
    newest_ended_at BIGINT,
    newest_seal BYTEA,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    email TEXT COLLATE "C",
    email_folded TEXT COLLATE "C",
    name_f TEXT COLLATE "C" NOT NULL,
    name_l TEXT COLLATE "C" NOT NULL,
    company TEXT COLLATE "C" NOT NULL,
    phone TEXT COLLATE "C" NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    custom_fields TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, email_folded)
);

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
    workspace_id BIGINT NOT NULL,
    width BIGINT NOT NULL,
    place BIGINT NOT NULL,
    clients BIGINT NOT NULL,
    staff BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, width, place)
);

-- A link that one use ends says which session it led to: the same confirm, repeated, finds its session by that.
CREATE TABLE login_links (
    workspace_id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    id BYTEA NOT NULL,
    user_id BIGINT NOT NULL,
    link_epoch BIGINT NOT NULL,
    seed BYTEA NOT NULL,
    single_use BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    used_at BIGINT,
    ended_at BIGINT,
    session_id BYTEA,
    seal BYTEA NOT NULL,
    last_issued_at BIGINT NOT NULL,
    times_issued BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, hash)
);

CREATE INDEX login_links_by_end ON login_links (workspace_id, expires_at);

CREATE TABLE sessions (
    workspace_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    user_id BIGINT NOT NULL,
    session_epoch BIGINT NOT NULL,
    link_hash BYTEA NOT NULL,
    single_use BIGINT NOT NULL,
    confirm_hash BYTEA NOT NULL,
    seed BYTEA NOT NULL,
    secret_hash BYTEA NOT NULL,
    key_id BIGINT NOT NULL,
    landing TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    seal BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

-- Only sessions of links that may be used again are looked up by who began them.
CREATE INDEX sessions_by_confirm_hash ON sessions (workspace_id, confirm_hash) WHERE single_use = 0;
CREATE INDEX sessions_by_end ON sessions (workspace_id, expires_at);

-- `scopes` is a set of bits, in the order of `domain/scope.rs`.
CREATE TABLE api_keys (
    workspace_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    scopes BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    seal BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, hash)
);

CREATE TABLE audit_log (
    workspace_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    time BIGINT NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    user_id BIGINT,
    actor TEXT COLLATE "C" NOT NULL,
    request_id BYTEA NOT NULL,
    data TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
