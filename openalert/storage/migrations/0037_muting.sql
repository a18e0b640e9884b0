-- Maintenance windows and silences: times in which alerts of a team are kept and page nobody.

CREATE TABLE maintenance_windows (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    team_id TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- JSON: ids of services; empty for every one of the team.
    service_ids TEXT NOT NULL,
    -- JSON: matchers, all of which an alert must fit.
    matchers TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    -- JSON: rule and zone, or null.
    recurrence TEXT,
    -- JSON: the times that people moved.
    changes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by_id TEXT,
    updated_at BIGINT NOT NULL,
    -- When it next begins or ends; NULL: never again.
    due_at BIGINT
);

CREATE INDEX maintenance_windows_by_due ON maintenance_windows (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX maintenance_windows_by_team ON maintenance_windows (team_id, id);
CREATE INDEX maintenance_windows_in_force ON maintenance_windows (team_id) WHERE due_at IS NOT NULL;

CREATE TABLE silences (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    team_id TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    service_ids TEXT NOT NULL,
    matchers TEXT NOT NULL,
    comment TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    -- Without a reference: the silence outlives what it was made from.
    alert_id TEXT,
    created_at BIGINT NOT NULL,
    created_by_id TEXT,
    updated_at BIGINT NOT NULL,
    -- When it next begins or ends; NULL: it is over.
    due_at BIGINT
);

CREATE INDEX silences_by_due ON silences (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX silences_by_team ON silences (team_id, id);
-- What each of them holds at this moment is asked by many pages.
CREATE INDEX alert_holds_live_by_ref ON alert_holds (ref_id) WHERE released_at IS NULL;
CREATE INDEX silences_in_force ON silences (team_id) WHERE due_at IS NOT NULL;
