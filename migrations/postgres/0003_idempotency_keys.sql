-- Requests that may be sent again: a hash of the API key and of the value of `Idempotency-Key`, a hash of the whole request, and what
-- it made: the number of a user or the id of a mail. Whoever sends it again is told of the same one.

CREATE TABLE idempotency_keys (
    workspace_id BIGINT NOT NULL,
    key BYTEA NOT NULL,
    request BYTEA NOT NULL,
    user_id BIGINT,
    mail_id BYTEA,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, key)
);

CREATE INDEX idempotency_keys_by_time ON idempotency_keys (workspace_id, created_at);
