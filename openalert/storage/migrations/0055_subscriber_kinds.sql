-- Ways of being told that a status page does not offer to those who ask. Whoever is told by one already goes on.
CREATE TABLE status_subscriber_kinds_off (
    page_id TEXT NOT NULL REFERENCES status_pages (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('email', 'webhook', 'slack', 'teams')),
    PRIMARY KEY (page_id, kind)
);

-- The list of a page, narrowed and searched.
CREATE INDEX status_subscribers_by_state ON status_subscribers (page_id, state, id);
