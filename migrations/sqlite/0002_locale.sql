-- The language that a person is written to in; empty where none is known.

ALTER TABLE users ADD COLUMN locale TEXT NOT NULL DEFAULT '';
