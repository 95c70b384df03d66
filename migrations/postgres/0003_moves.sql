-- One row at most: where this database goes or went, or what it is being filled from.
CREATE TABLE moves (
    id BYTEA NOT NULL PRIMARY KEY,
    state TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL
);
