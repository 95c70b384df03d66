-- What the clocks of the machine said when an embedded database was last served, one row at most: a server that starts sees by
-- it whether the one on the wall was moved. Nobody writes it on a server, which has a clock of its own.
-- Another of the small directory tables, whose keys do not start with a workspace.

CREATE TABLE clock_readings (
    id BIGINT NOT NULL PRIMARY KEY,
    boot TEXT COLLATE "C" NOT NULL,
    since_boot BIGINT NOT NULL,
    wall BIGINT NOT NULL
);
