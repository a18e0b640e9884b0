-- What people write down about an incident when it is over, in Markdown: one text for each, as it was saved last.
CREATE TABLE postmortems (
    incident_id TEXT PRIMARY KEY REFERENCES incidents (id),
    body TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by_id TEXT,
    updated_by_name TEXT NOT NULL
);
