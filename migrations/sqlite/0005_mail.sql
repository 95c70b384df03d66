-- Mails, what is waiting to be sent, and what strangers asked for. None of it has a token or a code: both are derived when a mail is
-- written.

-- `api`, `self_service` or `again`: why the link was made. Only those of `api` are listed, and are a user's newest link.
ALTER TABLE login_links ADD COLUMN kind TEXT NOT NULL DEFAULT 'api';

-- A mail to a user. `recipient` is masked.
CREATE TABLE mails (
    workspace_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    user_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    sent_at INTEGER,
    smtp_reply TEXT,
    request_id BLOB NOT NULL,
    link_hash BLOB NOT NULL,
    link_expires_at INTEGER NOT NULL,
    reused INTEGER NOT NULL,
    ask_id BLOB,
    language TEXT NOT NULL,
    redirect TEXT,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX mails_by_user ON mails (workspace_id, user_id, created_at);
CREATE INDEX mails_with_redirect ON mails (workspace_id, link_expires_at) WHERE redirect IS NOT NULL AND kind <> 'link';

-- What is to be sent, of any kind: `what` says in which table the rest stands, under the same id. Nobody sends it before `next_at`;
-- whoever takes it moves that on, and keeps it moving while it is being sent.
CREATE TABLE outbox (
    workspace_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    what TEXT NOT NULL,
    is_urgent INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_by_time ON outbox (workspace_id, what, is_urgent, next_at);

-- What somebody asked for who need not be known: `self_service` by an address, `again` by a dead link (`link_hash`), `repeat` once more
-- what the ask `first_id` asked for. `link_hash` is the link that was made for it.
CREATE TABLE asks (
    workspace_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    first_id BLOB,
    email TEXT NOT NULL,
    redirect TEXT,
    language TEXT,
    source BLOB,
    request_id BLOB NOT NULL,
    seed BLOB NOT NULL,
    key_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_mail_at INTEGER NOT NULL,
    looked_at INTEGER,
    link_hash BLOB,
    tries INTEGER NOT NULL,
    ended_at INTEGER,
    seal BLOB NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX asks_waiting ON asks (workspace_id, created_at) WHERE looked_at IS NULL;
CREATE INDEX asks_by_source ON asks (workspace_id, source, created_at) WHERE source IS NOT NULL;
CREATE INDEX asks_by_end ON asks (workspace_id, expires_at);

-- What is counted by hour or day: mails of a workspace, wrong codes for an address, and what was already said to be withheld. `period`
-- is the moment at which the hour or day began.
CREATE TABLE mail_counters (
    workspace_id INTEGER NOT NULL,
    what TEXT NOT NULL,
    about BLOB NOT NULL,
    period INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, what, about, period)
) STRICT, WITHOUT ROWID;

CREATE INDEX mail_counters_by_period ON mail_counters (workspace_id, period);
