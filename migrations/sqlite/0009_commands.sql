-- The last number that an API key of the workspace was given: a restore takes rows away, and no number is given twice. And
-- the name in small letters, since two names differ by more than case. Of those that did not, one keeps it for itself.

ALTER TABLE workspaces ADD COLUMN last_api_key_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workspaces ADD COLUMN name_folded TEXT;
UPDATE workspaces SET
    last_api_key_id = coalesce((SELECT max(k.id) FROM api_keys k WHERE k.workspace_id = workspaces.id), 0);
UPDATE workspaces SET name_folded = lower(name)
    WHERE id IN (SELECT min(w.id) FROM workspaces w GROUP BY lower(w.name));
CREATE UNIQUE INDEX workspaces_by_folded_name ON workspaces (name_folded);
