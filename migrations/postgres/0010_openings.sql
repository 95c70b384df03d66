-- Openings that are not settled are read out of an index alone: those of one moment lie all over the table.

DROP INDEX link_events_unsettled;
CREATE INDEX link_events_unsettled ON link_events (workspace_id, settle_at, time, signs, client) WHERE settle_at > 0;
