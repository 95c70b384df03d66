-- Nodes that serve, each with the keys that it has; a row that was not renewed for some seconds is of a node that is gone.
-- Another of the small directory tables, whose keys do not start with a workspace.

CREATE TABLE nodes (
    id BYTEA NOT NULL PRIMARY KEY,
    key_ids TEXT COLLATE "C" NOT NULL,
    reported_at BIGINT NOT NULL
);
