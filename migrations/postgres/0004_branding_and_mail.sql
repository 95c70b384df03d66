-- How a workspace's pages and mails look, and who its mails come from. A logo's bytes stand apart: no lookup of a workspace
-- reads them.

ALTER TABLE workspaces ADD COLUMN page_name TEXT COLLATE "C";
ALTER TABLE workspaces ADD COLUMN brand_color TEXT COLLATE "C";
ALTER TABLE workspaces ADD COLUMN logo_kind TEXT COLLATE "C";
ALTER TABLE workspaces ADD COLUMN logo_length BIGINT;
ALTER TABLE workspaces ADD COLUMN support_contact TEXT COLLATE "C";
ALTER TABLE workspaces ADD COLUMN locale TEXT COLLATE "C" NOT NULL DEFAULT 'en';
ALTER TABLE workspaces ADD COLUMN mail_from TEXT COLLATE "C";
ALTER TABLE workspaces ADD COLUMN mail_name TEXT COLLATE "C";
ALTER TABLE workspaces ADD COLUMN mail_reply_to TEXT COLLATE "C";
ALTER TABLE workspaces ADD COLUMN self_service BIGINT NOT NULL DEFAULT 1;
ALTER TABLE workspaces ADD COLUMN self_service_lifetime BIGINT NOT NULL DEFAULT 600;
ALTER TABLE workspaces ADD COLUMN one_click BIGINT NOT NULL DEFAULT 0;
ALTER TABLE workspaces ADD COLUMN mail_budget BIGINT NOT NULL DEFAULT 5000;

CREATE TABLE workspace_logos (
    workspace_id BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (workspace_id)
);
