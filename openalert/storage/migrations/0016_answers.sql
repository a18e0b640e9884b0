-- Short numbers by which people name incidents in an answer of a few characters: each person has their own, so that
-- two digits are enough. One number means one incident, and one incident keeps its number.
CREATE TABLE reply_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code BIGINT NOT NULL,
    incident_id TEXT NOT NULL REFERENCES incidents (id),
    given_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, code)
);
CREATE UNIQUE INDEX reply_codes_by_incident ON reply_codes (user_id, incident_id);
