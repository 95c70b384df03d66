-- How a workspace's pages and mails look, and who its mails come from. A logo's bytes stand apart: no lookup of a workspace
-- reads them.

ALTER TABLE workspaces ADD COLUMN page_name TEXT;
ALTER TABLE workspaces ADD COLUMN brand_color TEXT;
ALTER TABLE workspaces ADD COLUMN logo_kind TEXT;
ALTER TABLE workspaces ADD COLUMN logo_length INTEGER;
ALTER TABLE workspaces ADD COLUMN support_contact TEXT;
ALTER TABLE workspaces ADD COLUMN locale TEXT NOT NULL DEFAULT 'en';
ALTER TABLE workspaces ADD COLUMN mail_from TEXT;
ALTER TABLE workspaces ADD COLUMN mail_name TEXT;
ALTER TABLE workspaces ADD COLUMN mail_reply_to TEXT;
ALTER TABLE workspaces ADD COLUMN self_service INTEGER NOT NULL DEFAULT 1;
ALTER TABLE workspaces ADD COLUMN self_service_lifetime INTEGER NOT NULL DEFAULT 600;
ALTER TABLE workspaces ADD COLUMN one_click INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workspaces ADD COLUMN mail_budget INTEGER NOT NULL DEFAULT 5000;

CREATE TABLE workspace_logos (
    workspace_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (workspace_id)
) STRICT;
