-- What became of each link, and figures that are counted with every act: no page counts events.

ALTER TABLE workspaces ADD COLUMN record_openings BIGINT NOT NULL DEFAULT 1;
ALTER TABLE workspaces ADD COLUMN story_retention BIGINT NOT NULL DEFAULT 2592000;

-- What is counted of a link once: `marks` has the bits as they are, and above them those of before the last change; `tried_at` is the
-- first try, and `tried_before` what it was before that change. Whoever changes them counts, in the same unit, what became different.
ALTER TABLE login_links ADD COLUMN marks BIGINT NOT NULL DEFAULT 0;
ALTER TABLE login_links ADD COLUMN tried_at BIGINT;
ALTER TABLE login_links ADD COLUMN tried_before BIGINT;

-- What happened to a link beside what its own row says: a hundred openings of a link at most, and a hundred others. An opening whose
-- `settle_at` is not 0 is not settled as a person's or a machine's yet; until then `client` is a keyed hash of address and browser.
CREATE TABLE link_events (
    workspace_id BIGINT NOT NULL,
    link_hash BYTEA NOT NULL,
    id BYTEA NOT NULL,
    time BIGINT NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    session_id BYTEA NOT NULL,
    network TEXT COLLATE "C" NOT NULL,
    browser TEXT COLLATE "C" NOT NULL,
    signs BIGINT NOT NULL,
    is_machine BIGINT NOT NULL,
    was_dead BIGINT NOT NULL,
    client BYTEA NOT NULL,
    settle_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, link_hash, id)
);

CREATE INDEX link_events_unsettled ON link_events (workspace_id, settle_at) WHERE settle_at > 0;

-- When and why the links of an epoch of a user were killed.
CREATE TABLE link_kills (
    workspace_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    time BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, user_id, epoch)
);

CREATE INDEX link_kills_by_time ON link_kills (workspace_id, time);

-- Links by the hour in which they were issued and what became of them; only `handed_out_again` is of the hour of the act. `recorded` are
-- those that were issued while openings were noted. On PostgreSQL an hour has several slots, so that those who count at the same
-- moment do not wait for one row; once it is over they are merged into the slot 0, by `merge_id`.
CREATE TABLE link_stats (
    workspace_id BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    slot BIGINT NOT NULL,
    issued BIGINT NOT NULL DEFAULT 0,
    recorded BIGINT NOT NULL DEFAULT 0,
    opened BIGINT NOT NULL DEFAULT 0,
    opened_by_machines BIGINT NOT NULL DEFAULT 0,
    signed_in BIGINT NOT NULL DEFAULT 0,
    too_late BIGINT NOT NULL DEFAULT 0,
    pressed_again BIGINT NOT NULL DEFAULT 0,
    handed_out_again BIGINT NOT NULL DEFAULT 0,
    tried_60 BIGINT NOT NULL DEFAULT 0,
    tried_300 BIGINT NOT NULL DEFAULT 0,
    tried_900 BIGINT NOT NULL DEFAULT 0,
    tried_1800 BIGINT NOT NULL DEFAULT 0,
    tried_3600 BIGINT NOT NULL DEFAULT 0,
    tried_7200 BIGINT NOT NULL DEFAULT 0,
    tried_14400 BIGINT NOT NULL DEFAULT 0,
    tried_28800 BIGINT NOT NULL DEFAULT 0,
    tried_86400 BIGINT NOT NULL DEFAULT 0,
    tried_259200 BIGINT NOT NULL DEFAULT 0,
    tried_604800 BIGINT NOT NULL DEFAULT 0,
    tried_later BIGINT NOT NULL DEFAULT 0,
    merge_id BYTEA,
    PRIMARY KEY (workspace_id, hour, kind, slot)
);

CREATE INDEX link_stats_to_merge ON link_stats (workspace_id, hour) WHERE slot > 0;

-- Refusals by the hour in which they happened: by the rule, and of presses.
CREATE TABLE refusal_stats (
    workspace_id BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    slot BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    merge_id BYTEA,
    PRIMARY KEY (workspace_id, hour, kind, reason, slot)
);

CREATE INDEX refusal_stats_to_merge ON refusal_stats (workspace_id, hour) WHERE slot > 0;

-- Batches of notes and counters that were committed: one whose answer came late is written again, and counted once.
CREATE TABLE counted_batches (
    id BYTEA NOT NULL PRIMARY KEY,
    time BIGINT NOT NULL
);

CREATE INDEX counted_batches_by_time ON counted_batches (time);
