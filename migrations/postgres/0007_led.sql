-- Where a link that one use ends has led: the same confirm, repeated, finds its session by that. Only sessions of links that
-- may be used again are looked for by who began them. Sessions of before are among those.

ALTER TABLE login_links ADD COLUMN session_id BYTEA;
ALTER TABLE sessions ADD COLUMN single_use BIGINT NOT NULL DEFAULT 0;

DROP INDEX sessions_by_redemption;
CREATE INDEX sessions_by_redemption ON sessions (workspace_id, redemption) WHERE single_use = 0;
