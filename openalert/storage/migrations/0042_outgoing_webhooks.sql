-- Outgoing webhooks: programs of others that are told what happens to incidents and alerts.
CREATE TABLE outgoing_webhooks (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    -- JSON lists: what it is told. An empty list narrows nothing.
    events TEXT NOT NULL,
    team_ids TEXT NOT NULL,
    service_ids TEXT NOT NULL,
    severities TEXT NOT NULL,
    matchers TEXT NOT NULL,
    -- JSON: headers that may be seen, by name, and the names of those that may not, whose values are sealed.
    headers TEXT NOT NULL,
    secret_headers TEXT NOT NULL,
    timeout_seconds BIGINT NOT NULL,
    max_attempts BIGINT NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    -- It is told what was committed after the event of this number.
    from_sequence BIGINT NOT NULL,
    -- Until when the secret before this one signs too.
    previous_secret_until BIGINT,
    failing_since BIGINT,
    last_failure_at BIGINT,
    last_success_at BIGINT,
    -- Why the program itself switched it off; NULL: it did not.
    disabled_reason TEXT,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    sealed TEXT
);
CREATE INDEX outgoing_webhooks_by_organization ON outgoing_webhooks (organization_id, id);
CREATE INDEX outgoing_webhooks_enabled ON outgoing_webhooks (id) WHERE is_enabled;

-- One row for each event that a webhook is told; its id is the `webhook-id` of every attempt.
CREATE TABLE outgoing_deliveries (
    id TEXT PRIMARY KEY,
    webhook_id TEXT NOT NULL REFERENCES outgoing_webhooks (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    -- The number of the event; 0 for a test.
    sequence BIGINT NOT NULL,
    -- The incident or alert: what is told of one of them goes in order.
    object_id TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    -- NULL: nothing more is done about it by itself.
    due_at BIGINT,
    run_id TEXT,
    claimed_at BIGINT,
    status_code BIGINT,
    failure_reason TEXT,
    delivered_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX outgoing_deliveries_by_sequence ON outgoing_deliveries (webhook_id, sequence) WHERE sequence > 0;
-- The bodies are long: what is counted is found without looking at them.
CREATE INDEX outgoing_deliveries_by_webhook ON outgoing_deliveries (webhook_id, id, created_at);
CREATE INDEX outgoing_deliveries_due ON outgoing_deliveries (webhook_id, due_at, status, created_at)
    WHERE due_at IS NOT NULL;
CREATE INDEX outgoing_deliveries_in_order ON outgoing_deliveries (webhook_id, sequence, due_at, status)
    WHERE due_at IS NOT NULL;
CREATE INDEX outgoing_deliveries_of_object ON outgoing_deliveries (webhook_id, object_id, sequence, attempts)
    WHERE due_at IS NOT NULL;
CREATE INDEX outgoing_deliveries_failed ON outgoing_deliveries (webhook_id, created_at) WHERE status = 'failed';
CREATE INDEX outgoing_deliveries_over ON outgoing_deliveries (created_at) WHERE due_at IS NULL;

-- Each try of a delivery, and what came back.
CREATE TABLE outgoing_attempts (
    id TEXT PRIMARY KEY,
    delivery_id TEXT NOT NULL REFERENCES outgoing_deliveries (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    status_code BIGINT,
    -- The beginning of the answer, or why there was none.
    detail TEXT NOT NULL
);
CREATE INDEX outgoing_attempts_by_delivery ON outgoing_attempts (delivery_id, id);

-- The last event that was looked at for outgoing webhooks.
INSERT INTO counters (name, value) SELECT 'outgoing_event', value FROM counters WHERE name = 'event';
