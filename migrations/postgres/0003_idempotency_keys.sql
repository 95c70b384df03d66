-- The request that added a user, where it had an Idempotency-Key: hashes of the API key and that value, and of the whole
-- request. Whoever sends it again is told of the same user.

ALTER TABLE users ADD COLUMN added_by BYTEA;
ALTER TABLE users ADD COLUMN added_with BYTEA;

CREATE UNIQUE INDEX users_by_request ON users (workspace_id, added_by) WHERE added_by IS NOT NULL;
CREATE INDEX users_by_request_time ON users (workspace_id, created_at) WHERE added_by IS NOT NULL;
