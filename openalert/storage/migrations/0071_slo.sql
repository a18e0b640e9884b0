-- Whether what was due was done in time: counted by day in the transaction that did it, so that a month of it is a few
-- rows however much was done.
CREATE TABLE slo_days (
    objective TEXT NOT NULL CHECK (objective IN ('steps', 'pages')),
    -- Days since 1970, in UTC.
    day BIGINT NOT NULL,
    kept BIGINT NOT NULL,
    missed BIGINT NOT NULL,
    PRIMARY KEY (objective, day)
);

-- What was not in time, and why; of a day on which much was not, the first.
CREATE TABLE slo_misses (
    id TEXT PRIMARY KEY,
    objective TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    incident_id TEXT,
    due_at BIGINT NOT NULL,
    -- NULL: never.
    done_at BIGINT,
    what TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX slo_misses_by_organization ON slo_misses (organization_id, id);
