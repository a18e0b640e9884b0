-- Key adoption: in a window that an admin opens, messages by keys that nobody knows are kept until somebody decides.
CREATE TABLE adoption_windows (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    opened_at BIGINT NOT NULL,
    closes_at BIGINT NOT NULL
);
CREATE INDEX adoption_windows_by_end ON adoption_windows (closes_at);

-- Keys that came in a window. Of the key itself only its hash and its end are kept.
CREATE TABLE strange_keys (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    key_hash TEXT NOT NULL UNIQUE,
    key_hint TEXT NOT NULL,
    dialect TEXT NOT NULL,
    -- From where it came first; bounds how many keys one place can bring.
    address TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    message_count BIGINT NOT NULL,
    kept_count BIGINT NOT NULL,
    kept_bytes BIGINT NOT NULL,
    -- Set when an admin does not want it: it is refused as if there were no window.
    dismissed_at BIGINT
);
CREATE INDEX strange_keys_by_organization ON strange_keys (organization_id, id);

CREATE TABLE strange_messages (
    id TEXT PRIMARY KEY,
    key_id TEXT NOT NULL REFERENCES strange_keys (id) ON DELETE CASCADE,
    received_at BIGINT NOT NULL,
    -- What it asks for: `create`, `message` (of a source), `acknowledge` or `close`.
    act TEXT NOT NULL,
    source TEXT NOT NULL,
    identifier TEXT NOT NULL,
    identifier_type TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body TEXT NOT NULL,
    body_encoding TEXT NOT NULL,
    title TEXT NOT NULL
);
CREATE INDEX strange_messages_by_key ON strange_messages (key_id, id);
