-- Applications that people are signed in to by OpenID Connect; and the log by the user whom its entries are about.

-- An app. Lists of addresses stand between spaces, which no address has.
CREATE TABLE apps (
    workspace_id BIGINT NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    is_public BIGINT NOT NULL,
    redirect_uris TEXT COLLATE "C" NOT NULL,
    start_url TEXT COLLATE "C",
    post_logout_redirect_uris TEXT COLLATE "C" NOT NULL,
    backchannel_logout_uri TEXT COLLATE "C",
    pkce_optional BIGINT NOT NULL,
    alg TEXT COLLATE "C" NOT NULL,
    slim_id_token BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    seal BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, client_id)
);

-- The secrets of confidential apps, as keyed hashes. A removed one stays as a row, so that no backup brings it back. One that a command tries an app with is removed from the start, and
-- works until `trial_until` all the same.
CREATE TABLE app_secrets (
    workspace_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    key_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    trial_until BIGINT,
    seal BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE INDEX app_secrets_by_app ON app_secrets (workspace_id, client_id);

-- What ID tokens are signed with. `state` is `next`, `signing` or `retired`; the private half is encrypted under the secret key `key_id`,
-- and gone once the key is retired. `public_key` is what /oidc/jwks shows.
CREATE TABLE signing_keys (
    workspace_id BIGINT NOT NULL,
    kid TEXT COLLATE "C" NOT NULL,
    alg TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    public_key TEXT COLLATE "C" NOT NULL,
    private_key BYTEA,
    key_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    retired_at BIGINT,
    seal BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, kid)
);

-- Of each algorithm one signs and one is next.
CREATE UNIQUE INDEX signing_keys_in_use ON signing_keys (workspace_id, alg, state) WHERE state <> 'retired';

-- A code that an app exchanges, and the access token that it got for it, both as keyed hashes.
CREATE TABLE app_codes (
    workspace_id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    user_id BIGINT NOT NULL,
    link_epoch BIGINT NOT NULL,
    session_id BYTEA NOT NULL,
    redirect_uri TEXT COLLATE "C" NOT NULL,
    code_challenge TEXT COLLATE "C",
    nonce BYTEA,
    scopes BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    token_hash BYTEA,
    token_expires_at BIGINT,
    token_revoked_at BIGINT,
    seal BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, hash)
);

CREATE UNIQUE INDEX app_codes_by_token ON app_codes (workspace_id, token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX app_codes_by_time ON app_codes (workspace_id, created_at);

-- An app that exchanged a code in a session, and is told when that session ends: then the outbox has a row of the same id, of the kind
-- `logout`.
CREATE TABLE app_sessions (
    workspace_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    session_id BYTEA NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    user_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, session_id, client_id)
);

CREATE INDEX app_sessions_by_user ON app_sessions (workspace_id, user_id) WHERE ended_at IS NULL;

-- The last requests that named an app and were refused, for its operator.
CREATE TABLE app_refusals (
    workspace_id BIGINT NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    id BYTEA NOT NULL,
    time BIGINT NOT NULL,
    error TEXT COLLATE "C" NOT NULL,
    message TEXT COLLATE "C" NOT NULL,
    request_id BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, client_id, id)
);

-- How often an app exchanged a code, by the day. On PostgreSQL a day has several slots, so that exchanges at the same moment do not wait
-- for one row; once it is over they are merged into the slot 0. The last row of an app stays, however old.
CREATE TABLE app_usage (
    workspace_id BIGINT NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    slot BIGINT NOT NULL,
    sign_ins BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, client_id, day, slot)
);

CREATE INDEX app_usage_to_merge ON app_usage (workspace_id, day) WHERE slot > 0;

-- What an app answered when it was last told that a session had ended: a status, or a word for none.
CREATE TABLE app_sign_outs (
    workspace_id BIGINT NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    told_at BIGINT NOT NULL,
    answer TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, client_id)
);

-- `vouched`: every address counts as verified; `proven`: those that a mailed link or code was used from.
ALTER TABLE workspaces ADD COLUMN addresses TEXT COLLATE "C" NOT NULL DEFAULT 'vouched';
ALTER TABLE workspaces ADD COLUMN default_app TEXT COLLATE "C";

-- What apps know a user by, for life; and the address, folded, at which a link or code was used that doorkey mailed there by itself.
ALTER TABLE users ADD COLUMN subject TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN proven_email TEXT COLLATE "C";
UPDATE users SET subject = substr(replace(gen_random_uuid()::text, '-', ''), 1, 22);

-- How somebody was signed in: by a `link` that was handed out, or by an `email` that doorkey sent by itself.
ALTER TABLE sessions ADD COLUMN method TEXT COLLATE "C" NOT NULL DEFAULT 'link';

-- Where a mailed link leads to, if that is an app.
ALTER TABLE mails ADD COLUMN client_id TEXT COLLATE "C";
ALTER TABLE asks ADD COLUMN client_id TEXT COLLATE "C";

-- The app that a use of a link led to: of one that works once in its own row.
ALTER TABLE login_links ADD COLUMN client_id TEXT COLLATE "C";
ALTER TABLE link_events ADD COLUMN client_id TEXT COLLATE "C";

-- What the log says of one user, newest first. Some entries are about nobody.
CREATE INDEX audit_log_by_user ON audit_log (workspace_id, user_id, id) WHERE user_id IS NOT NULL;

-- A link of a trial of an app: what it leads to is not counted as a use of that app.
ALTER TABLE login_links ADD COLUMN is_trial BIGINT NOT NULL DEFAULT 0;
