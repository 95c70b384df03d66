-- Mails, what is waiting to be sent, and what strangers asked for. None of it has a token or a code: both are derived when a mail is
-- written.

-- `api`, `self_service` or `again`: why the link was made. Only those of `api` are listed, and are a user's newest link.
ALTER TABLE login_links ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'api';

-- A mail to a user. `recipient` is masked.
CREATE TABLE mails (
    workspace_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    user_id BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    smtp_reply TEXT COLLATE "C",
    request_id BYTEA NOT NULL,
    link_hash BYTEA NOT NULL,
    link_expires_at BIGINT NOT NULL,
    reused BIGINT NOT NULL,
    ask_id BYTEA,
    language TEXT COLLATE "C" NOT NULL,
    redirect TEXT COLLATE "C",
    PRIMARY KEY (workspace_id, id)
);

CREATE INDEX mails_by_user ON mails (workspace_id, user_id, created_at);
CREATE INDEX mails_with_redirect ON mails (workspace_id, link_expires_at) WHERE redirect IS NOT NULL AND kind <> 'link';

-- What is to be sent, of any kind: `what` says in which table the rest stands, under the same id. Nobody sends it before `next_at`;
-- whoever takes it moves that on, and keeps it moving while it is being sent.
CREATE TABLE outbox (
    workspace_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    what TEXT COLLATE "C" NOT NULL,
    is_urgent BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE INDEX outbox_by_time ON outbox (workspace_id, what, is_urgent, next_at);

-- What somebody asked for who need not be known: `self_service` by an address, `again` by a dead link (`link_hash`), `repeat` once more
-- what the ask `first_id` asked for. `link_hash` is the link that was made for it.
CREATE TABLE asks (
    workspace_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    first_id BYTEA,
    email TEXT COLLATE "C" NOT NULL,
    redirect TEXT COLLATE "C",
    language TEXT COLLATE "C",
    source BYTEA,
    request_id BYTEA NOT NULL,
    seed BYTEA NOT NULL,
    key_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_mail_at BIGINT NOT NULL,
    looked_at BIGINT,
    link_hash BYTEA,
    tries BIGINT NOT NULL,
    ended_at BIGINT,
    seal BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE INDEX asks_waiting ON asks (workspace_id, created_at) WHERE looked_at IS NULL;
CREATE INDEX asks_by_source ON asks (workspace_id, source, created_at) WHERE source IS NOT NULL;
CREATE INDEX asks_by_end ON asks (workspace_id, expires_at);

-- What is counted by hour or day: mails of a workspace, wrong codes for an address, and what was already said to be withheld. `period`
-- is the moment at which the hour or day began.
CREATE TABLE mail_counters (
    workspace_id BIGINT NOT NULL,
    what TEXT COLLATE "C" NOT NULL,
    about BYTEA NOT NULL,
    period BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, what, about, period)
);

CREATE INDEX mail_counters_by_period ON mail_counters (workspace_id, period);
