-- Ordered rules that decide where an alert goes and whether it pages, before it does.

CREATE TABLE routing_rules (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    team_id TEXT NOT NULL REFERENCES teams (id),
    -- NULL: about every alert of the team.
    integration_id TEXT REFERENCES integrations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- From 1, among the rules of the same integration, or of the team.
    position BIGINT NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    -- JSON: condition, threshold, actions, whether it stops.
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX routing_rules_by_team ON routing_rules (team_id, integration_id, position);

-- To how many alerts each rule applied on each day, days counted in UTC since 1970.
CREATE TABLE routing_hits (
    rule_id TEXT NOT NULL REFERENCES routing_rules (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    hits BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (rule_id, day)
);

-- When alerts of one kind fitted a rule with a threshold lately: as many times as the threshold needs.
CREATE TABLE routing_counts (
    rule_id TEXT NOT NULL REFERENCES routing_rules (id) ON DELETE CASCADE,
    -- SHA-256 of what tells its alerts apart.
    key_hash TEXT NOT NULL,
    -- JSON: instants, the oldest first.
    times TEXT NOT NULL,
    -- The last of them.
    at BIGINT NOT NULL,
    PRIMARY KEY (rule_id, key_hash)
);
CREATE INDEX routing_counts_by_age ON routing_counts (at);
