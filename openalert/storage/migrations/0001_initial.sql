-- The schema of OpenAlert, for SQLite and Postgres alike (docs/decisions/0001-database-layer.md).
-- Ids are UUIDv7 text, instants are epoch milliseconds in BIGINT, structured values are JSON in TEXT.

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row per start of the server: tells a clean stop from a crash, and how long nobody was watching.
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    started_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    stopped_at BIGINT
);

CREATE TABLE organizations (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    timezone TEXT NOT NULL,
    phone_number TEXT,
    is_active BOOLEAN NOT NULL,
    password_hash TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE contact_methods (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    address TEXT NOT NULL,
    verified_at BIGINT,
    code_hash TEXT,
    code_expires_at BIGINT,
    code_tries BIGINT NOT NULL,
    code_sent_at BIGINT,
    last_proven_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (user_id, type, address)
);

CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    secret_hash TEXT NOT NULL,
    created_by_id TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE teams (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (organization_id, slug)
);

CREATE TABLE team_members (
    team_id TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_by_user ON team_members (user_id);

CREATE TABLE channels (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    team_id TEXT NOT NULL REFERENCES teams (id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    config TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX channels_by_team ON channels (team_id);

CREATE TABLE schedules (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    team_id TEXT NOT NULL REFERENCES teams (id),
    name TEXT NOT NULL,
    timezone TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX schedules_by_team ON schedules (team_id);

-- A rotation is a list of immutable versions; which one decides is a matter of the instant asked about.
CREATE TABLE rotations (
    id TEXT PRIMARY KEY,
    schedule_id TEXT NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    versions TEXT NOT NULL
);
CREATE INDEX rotations_by_schedule ON rotations (schedule_id);

CREATE TABLE overrides (
    id TEXT PRIMARY KEY,
    schedule_id TEXT NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    created_by_id TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX overrides_by_schedule ON overrides (schedule_id, end_at);

CREATE TABLE escalation_policies (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    team_id TEXT NOT NULL REFERENCES teams (id),
    name TEXT NOT NULL,
    version_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX escalation_policies_by_team ON escalation_policies (team_id);

-- What an incident escalates by: written once, never changed, so an edit cannot strand a running escalation.
CREATE TABLE escalation_policy_versions (
    id TEXT PRIMARY KEY,
    policy_id TEXT NOT NULL REFERENCES escalation_policies (id),
    repeat_count BIGINT NOT NULL,
    repeat_delay BIGINT NOT NULL,
    levels TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE services (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    team_id TEXT NOT NULL REFERENCES teams (id),
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    description TEXT NOT NULL,
    escalation_policy_id TEXT REFERENCES escalation_policies (id),
    runbook_url TEXT,
    grouping TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX services_by_slug ON services (organization_id, slug) WHERE deleted_at IS NULL;
CREATE INDEX services_by_team ON services (team_id);

CREATE TABLE integrations (
    id TEXT PRIMARY KEY,
    service_id TEXT NOT NULL REFERENCES services (id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    key_hash TEXT NOT NULL UNIQUE,
    key_hint TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    config TEXT NOT NULL,
    last_received_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX integrations_by_service ON integrations (service_id);

-- Inbound messages: those that changed something, and those that could not be read (outcome `quarantined`).
CREATE TABLE payloads (
    id TEXT PRIMARY KEY,
    integration_id TEXT NOT NULL REFERENCES integrations (id),
    received_at BIGINT NOT NULL,
    source TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body TEXT NOT NULL,
    body_encoding TEXT NOT NULL,
    body_size BIGINT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('accepted', 'partial', 'ignored', 'quarantined', 'replayed')),
    reason TEXT NOT NULL,
    alert_count BIGINT NOT NULL,
    repeat_key TEXT UNIQUE,
    seen_count BIGINT NOT NULL,
    trace_id TEXT NOT NULL
);
CREATE INDEX payloads_by_integration ON payloads (integration_id, id);

CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    team_id TEXT NOT NULL REFERENCES teams (id),
    service_id TEXT NOT NULL REFERENCES services (id),
    number BIGINT NOT NULL,
    title TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('triggered', 'acknowledged', 'resolved')),
    phase TEXT NOT NULL CHECK (phase IN ('investigating', 'identified', 'monitoring', 'resolved')),
    severity TEXT NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low', 'info')),
    group_key TEXT NOT NULL,
    -- Set while the incident is open: one open incident per service and group is a fact of this index.
    open_key TEXT UNIQUE,
    episode BIGINT NOT NULL,
    assignee_id TEXT,
    triggered_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    acknowledged_by_id TEXT,
    resolved_at BIGINT,
    resolved_by_id TEXT,
    resolution TEXT,
    snoozed_until BIGINT,
    alert_count BIGINT NOT NULL,
    firing_count BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    policy_id TEXT,
    policy_version_id TEXT,
    escalation_state TEXT NOT NULL CHECK (escalation_state IN ('running', 'stopped', 'exhausted', 'none')),
    escalation_level BIGINT NOT NULL,
    escalation_cycle BIGINT NOT NULL,
    escalation_next_at BIGINT,
    escalation_reached BOOLEAN NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (organization_id, number)
);
CREATE INDEX incidents_open ON incidents (organization_id, id) WHERE status <> 'resolved';
CREATE INDEX incidents_by_service ON incidents (service_id, id);
CREATE INDEX incidents_by_assignee ON incidents (assignee_id, id) WHERE assignee_id IS NOT NULL;
CREATE INDEX incidents_by_resolution ON incidents (organization_id, resolved_at) WHERE resolved_at IS NOT NULL;

CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    service_id TEXT NOT NULL,
    integration_id TEXT NOT NULL,
    incident_id TEXT,
    fingerprint TEXT NOT NULL,
    -- integration and fingerprint, on the newest occurrence of each identity only.
    latest_key TEXT UNIQUE,
    status TEXT NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    source TEXT NOT NULL,
    labels TEXT NOT NULL,
    annotations TEXT NOT NULL,
    links TEXT NOT NULL,
    payload_id TEXT,
    -- CRC-32 of the texts: tells a repeat that says the same from one that does not.
    content_sum BIGINT NOT NULL,
    count BIGINT NOT NULL,
    starts_at BIGINT,
    fired_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    resolved_at BIGINT,
    resolved_by_id TEXT,
    snoozed_until BIGINT,
    updated_at BIGINT NOT NULL
);
CREATE INDEX alerts_by_incident ON alerts (incident_id, id);
CREATE INDEX alerts_unresolved ON alerts (organization_id, id) WHERE status <> 'resolved';

-- Work that time causes, beside sending. One live row per incident and kind; the row is the only truth.
CREATE TABLE timers (
    incident_id TEXT NOT NULL REFERENCES incidents (id),
    kind TEXT NOT NULL CHECK (kind IN ('escalate', 'unsnooze')),
    due_at BIGINT NOT NULL,
    episode BIGINT NOT NULL,
    cycle BIGINT NOT NULL,
    level BIGINT NOT NULL,
    -- How often acting on it has failed; each failure pushes it forward so that it cannot stop the others.
    failures BIGINT NOT NULL,
    PRIMARY KEY (incident_id, kind)
);
CREATE INDEX timers_by_due ON timers (due_at);

CREATE TABLE notifications (
    id TEXT PRIMARY KEY,
    -- incident, episode, cycle, level, kind, person and address: running a step again inserts nothing.
    effect_key TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL,
    team_id TEXT,
    incident_id TEXT,
    episode BIGINT NOT NULL,
    cycle BIGINT NOT NULL,
    level BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('page', 'update', 'test', 'notice', 'code')),
    user_id TEXT,
    contact_method_id TEXT,
    channel_id TEXT,
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    reason TEXT NOT NULL,
    content TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('pending', 'sending', 'sent', 'delivered', 'failed', 'cancelled', 'unknown')),
    possible_repeat BOOLEAN NOT NULL,
    attempts BIGINT NOT NULL,
    -- When work on it is due next; NULL once nothing more will be done.
    due_at BIGINT,
    give_up_at BIGINT NOT NULL,
    run_id TEXT,
    claimed_at BIGINT,
    sent_at BIGINT,
    delivered_at BIGINT,
    failure_reason TEXT,
    provider_id TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX notifications_by_due ON notifications (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX notifications_by_incident ON notifications (incident_id, id);
CREATE INDEX notifications_by_user ON notifications (user_id, id);

CREATE TABLE notification_attempts (
    notification_id TEXT NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
    attempt BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (notification_id, attempt)
);

-- What people read later; `seq` counts 1, 2, 3 … within the incident, without a gap.
CREATE TABLE timeline (
    incident_id TEXT NOT NULL REFERENCES incidents (id),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (incident_id, seq)
);

-- What live listeners hear after the commit, kept so that they can resume.
CREATE TABLE events (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    type TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    team_id TEXT,
    incident_id TEXT,
    data TEXT NOT NULL
);
CREATE INDEX events_by_time ON events (at);
INSERT INTO counters (name, value) VALUES ('event', 0);
