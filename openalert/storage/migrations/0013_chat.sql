-- Chats that answer: what a provider has told already, and codes by which somebody proves an account of theirs.

-- A provider tells the same thing again when our answer was lost; whoever recorded it may too. Done once, it is done.
CREATE TABLE provider_events (
    provider TEXT NOT NULL,
    id TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (provider, id)
);

CREATE INDEX provider_events_by_time ON provider_events (seen_at);

CREATE TABLE chat_codes (
    -- SHA-256 of the code: whoever reads the table connects nothing.
    hash TEXT PRIMARY KEY,
    -- The kind of contact method that it makes.
    kind TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The account that must show it; empty: whichever does.
    address TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX chat_codes_by_user ON chat_codes (user_id, kind);
