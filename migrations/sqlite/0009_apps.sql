-- Applications that people are signed in to by OpenID Connect; and the log by the user whom its entries are about.

-- An app. Lists of addresses stand between spaces, which no address has.
CREATE TABLE apps (
    workspace_id INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    name TEXT NOT NULL,
    is_public INTEGER NOT NULL,
    redirect_uris TEXT NOT NULL,
    start_url TEXT,
    post_logout_redirect_uris TEXT NOT NULL,
    backchannel_logout_uri TEXT,
    pkce_optional INTEGER NOT NULL,
    alg TEXT NOT NULL,
    slim_id_token INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    seal BLOB NOT NULL,
    PRIMARY KEY (workspace_id, client_id)
) STRICT, WITHOUT ROWID;

-- The secrets of confidential apps, as keyed hashes. A removed one stays as a row, so that no backup brings it back. One that a command tries an app with is removed from the start, and
-- works until `trial_until` all the same.
CREATE TABLE app_secrets (
    workspace_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    client_id TEXT NOT NULL,
    hash BLOB NOT NULL,
    key_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    removed_at INTEGER,
    trial_until INTEGER,
    seal BLOB NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX app_secrets_by_app ON app_secrets (workspace_id, client_id);

-- What ID tokens are signed with. `state` is `next`, `signing` or `retired`; the private half is encrypted under the secret key `key_id`,
-- and gone once the key is retired. `public_key` is what /oidc/jwks shows.
CREATE TABLE signing_keys (
    workspace_id INTEGER NOT NULL,
    kid TEXT NOT NULL,
    alg TEXT NOT NULL,
    state TEXT NOT NULL,
    public_key TEXT NOT NULL,
    private_key BLOB,
    key_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    activated_at INTEGER,
    retired_at INTEGER,
    seal BLOB NOT NULL,
    PRIMARY KEY (workspace_id, kid)
) STRICT, WITHOUT ROWID;

-- Of each algorithm one signs and one is next.
CREATE UNIQUE INDEX signing_keys_in_use ON signing_keys (workspace_id, alg, state) WHERE state <> 'retired';

-- A code that an app exchanges, and the access token that it got for it, both as keyed hashes.
CREATE TABLE app_codes (
    workspace_id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    client_id TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    link_epoch INTEGER NOT NULL,
    session_id BLOB NOT NULL,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT,
    nonce BLOB,
    scopes INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER,
    token_hash BLOB,
    token_expires_at INTEGER,
    token_revoked_at INTEGER,
    seal BLOB NOT NULL,
    PRIMARY KEY (workspace_id, hash)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX app_codes_by_token ON app_codes (workspace_id, token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX app_codes_by_time ON app_codes (workspace_id, created_at);

-- An app that exchanged a code in a session, and is told when that session ends: then the outbox has a row of the same id, of the kind
-- `logout`.
CREATE TABLE app_sessions (
    workspace_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    session_id BLOB NOT NULL,
    client_id TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, session_id, client_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX app_sessions_by_user ON app_sessions (workspace_id, user_id) WHERE ended_at IS NULL;

-- The last requests that named an app and were refused, for its operator.
CREATE TABLE app_refusals (
    workspace_id INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    id BLOB NOT NULL,
    time INTEGER NOT NULL,
    error TEXT NOT NULL,
    message TEXT NOT NULL,
    request_id BLOB NOT NULL,
    PRIMARY KEY (workspace_id, client_id, id)
) STRICT, WITHOUT ROWID;

-- How often an app exchanged a code, by the day. On PostgreSQL a day has several slots, so that exchanges at the same moment do not wait
-- for one row; once it is over they are merged into the slot 0. The last row of an app stays, however old.
CREATE TABLE app_usage (
    workspace_id INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    day INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    sign_ins INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, client_id, day, slot)
) STRICT, WITHOUT ROWID;

CREATE INDEX app_usage_to_merge ON app_usage (workspace_id, day) WHERE slot > 0;

-- What an app answered when it was last told that a session had ended: a status, or a word for none.
CREATE TABLE app_sign_outs (
    workspace_id INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    told_at INTEGER NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (workspace_id, client_id)
) STRICT, WITHOUT ROWID;

-- `vouched`: every address counts as verified; `proven`: those that a mailed link or code was used from.
ALTER TABLE workspaces ADD COLUMN addresses TEXT NOT NULL DEFAULT 'vouched';
ALTER TABLE workspaces ADD COLUMN default_app TEXT;

-- What apps know a user by, for life; and the address, folded, at which a link or code was used that doorkey mailed there by itself.
ALTER TABLE users ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN proven_email TEXT;
UPDATE users SET subject = substr(lower(hex(randomblob(11))), 1, 22);

-- How somebody was signed in: by a `link` that was handed out, or by an `email` that doorkey sent by itself.
ALTER TABLE sessions ADD COLUMN method TEXT NOT NULL DEFAULT 'link';

-- Where a mailed link leads to, if that is an app.
ALTER TABLE mails ADD COLUMN client_id TEXT;
ALTER TABLE asks ADD COLUMN client_id TEXT;

-- The app that a use of a link led to: of one that works once in its own row.
ALTER TABLE login_links ADD COLUMN client_id TEXT;
ALTER TABLE link_events ADD COLUMN client_id TEXT;

-- What the log says of one user, newest first. Some entries are about nobody.
CREATE INDEX audit_log_by_user ON audit_log (workspace_id, user_id, id) WHERE user_id IS NOT NULL;

-- A link of a trial of an app: what it leads to is not counted as a use of that app.
ALTER TABLE login_links ADD COLUMN is_trial INTEGER NOT NULL DEFAULT 0;

-- As for sessions: a workspace has many of these, an app, a session or a user a few.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('app_secrets', 'app_secrets', '100000 100000 1'),
    ('app_secrets', 'app_secrets_by_app', '100000 100000 2'),
    ('app_sessions', 'app_sessions', '100000 100000 1'),
    ('app_sessions', 'sqlite_autoindex_app_sessions_2', '100000 100000 3 1'),
    ('app_sessions', 'app_sessions_by_user', '100000 100000 10'),
    ('audit_log', 'audit_log', '100000 100000 1'),
    ('audit_log', 'audit_log_by_user', '100000 100000 10 1');
