-- One row at most: where this database goes or went, or what it is being filled from.
-- Another of the small directory tables, whose keys do not start with a workspace.
CREATE TABLE moves (
    id BYTEA NOT NULL PRIMARY KEY,
    state TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL
);
