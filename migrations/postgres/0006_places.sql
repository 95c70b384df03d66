-- Which file a node has open, by its number in the file system: a copy of that file is another one. None on a server.

ALTER TABLE nodes ADD COLUMN place BIGINT;
