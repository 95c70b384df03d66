-- What the pages of clients and mails look for: clients by the beginning of a name, whatever its case, and what a client has by the client.

ALTER TABLE users ADD COLUMN name_f_folded TEXT;
ALTER TABLE users ADD COLUMN name_l_folded TEXT;
UPDATE users SET name_f_folded = lower(name_f), name_l_folded = lower(name_l);

CREATE INDEX clients_by_first_name ON users (workspace_id, name_f_folded, id) WHERE is_staff = 0 AND deleted_at IS NULL;
CREATE INDEX clients_by_last_name ON users (workspace_id, name_l_folded, id) WHERE is_staff = 0 AND deleted_at IS NULL;

CREATE INDEX login_links_by_user ON login_links (workspace_id, user_id, created_at);
CREATE INDEX sessions_by_user ON sessions (workspace_id, user_id);

-- Most mails are sent, so a list of those finds them without an index.
CREATE INDEX mails_not_sent ON mails (workspace_id, state, id) WHERE state <> 'sent';

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('login_links', 'login_links_by_user', '100000 100000 10 1'),
    ('sessions', 'sessions_by_user', '100000 100000 10');
