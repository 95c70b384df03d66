-- One row at most: where this database goes or went, or what it is being filled from.
-- Another of the small directory tables, whose keys do not start with a workspace.
CREATE TABLE moves (
    id BLOB NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    place TEXT NOT NULL
) STRICT, WITHOUT ROWID;
