-- When a secret key was last made the one that derives, and when it was retired. A retired key stays as a row, so that no
-- key file brings it back.

ALTER TABLE key_fingerprints ADD COLUMN used_at INTEGER;
ALTER TABLE key_fingerprints ADD COLUMN retired_at INTEGER;
