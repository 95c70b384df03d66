-- One row at most: where this database goes or went, or what it is being filled from.
CREATE TABLE moves (
    id BLOB NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    place TEXT NOT NULL
) STRICT, WITHOUT ROWID;
