-- What doorkey keeps. Times are milliseconds since 1970; flags are 0 or 1; ids of 16 bytes are UUIDs.
-- Keys start with the workspace, but for the small directory tables: workspaces, hosts, key_fingerprints.

CREATE TABLE workspaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    link_lifetime INTEGER NOT NULL,
    single_use INTEGER NOT NULL,
    landing_url TEXT,
    allowed_redirect_origins TEXT NOT NULL,
    session_lifetime INTEGER NOT NULL,
    session_idle INTEGER NOT NULL,
    cookie_domain TEXT,
    last_user_id INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE hosts (
    host TEXT NOT NULL PRIMARY KEY,
    workspace_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE key_fingerprints (
    fingerprint BLOB NOT NULL PRIMARY KEY,
    key_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A deleted user stays as a row without a person in it, so that the id is never used again.
CREATE TABLE users (
    workspace_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    email TEXT,
    email_folded TEXT,
    name_f TEXT NOT NULL,
    name_l TEXT NOT NULL,
    company TEXT NOT NULL,
    phone TEXT NOT NULL,
    note TEXT NOT NULL,
    custom_fields TEXT NOT NULL,
    is_staff INTEGER NOT NULL,
    is_active INTEGER NOT NULL,
    two_factor INTEGER NOT NULL,
    link_epoch INTEGER NOT NULL,
    session_epoch INTEGER NOT NULL,
    newest_link BLOB,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, email_folded)
) STRICT, WITHOUT ROWID;

-- Lists and counts of clients, and of staff, are answered without a look at the rows.
CREATE INDEX users_by_kind ON users (workspace_id, is_staff, id) WHERE deleted_at IS NULL;

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
    redemption BLOB NOT NULL,
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

CREATE INDEX sessions_by_redemption ON sessions (workspace_id, redemption);
CREATE INDEX sessions_by_end ON sessions (workspace_id, expires_at);

CREATE TABLE api_keys (
    workspace_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    hash BLOB NOT NULL,
    scopes TEXT NOT NULL,
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
