-- Further keys of an integration: those that its senders had at Opsgenie or Grafana OnCall, kept as ours are.
CREATE TABLE imported_keys (
    id TEXT PRIMARY KEY,
    integration_id TEXT NOT NULL REFERENCES integrations (id),
    key_hash TEXT NOT NULL UNIQUE,
    key_hint TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX imported_keys_by_integration ON imported_keys (integration_id, id);
