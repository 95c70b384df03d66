-- What the planner needs to know of large workspaces: how rows are found there.

-- A narrow copy of the primary key: clients, and staff, are counted and skipped without a look at the rows. An index that
-- began with is_staff would also be chosen where rows are looked at, which is slower than to walk through them.
DROP INDEX users_by_kind;
CREATE INDEX users_by_kind ON users (workspace_id, id, is_staff, deleted_at);

-- Without statistics SQLite holds that ten rows share a workspace, and walks through all its sessions for the one that it
-- looks for. These say: a hundred thousand rows share a workspace, and one has a key. ANALYZE makes the table of them;
-- nothing else writes to it.
ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('sessions', 'sessions', '100000 100000 1'),
    ('sessions', 'sessions_by_redemption', '100000 100000 1'),
    ('sessions', 'sessions_by_end', '100000 100000 1'),
    ('login_links', 'login_links', '100000 100000 1'),
    ('login_links', 'login_links_by_end', '100000 100000 1');
