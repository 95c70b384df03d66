-- Where a link that one use ends has led: the same confirm, repeated, finds its session by that. Only sessions of links that
-- may be used again are looked for by who began them. Sessions of before are among those.

ALTER TABLE login_links ADD COLUMN session_id BLOB;
ALTER TABLE sessions ADD COLUMN single_use INTEGER NOT NULL DEFAULT 0;

DROP INDEX sessions_by_redemption;
CREATE INDEX sessions_by_redemption ON sessions (workspace_id, redemption) WHERE single_use = 0;

-- What was known of the index went with it.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('sessions', 'sessions_by_redemption', '100000 100000 1');
