-- Responders: who works on an incident, asked by others or come by themselves, and what they answered.
CREATE TABLE incident_responders (
    id TEXT PRIMARY KEY,
    incident_id TEXT NOT NULL REFERENCES incidents (id),
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Fresh each time they are asked: the pages of an earlier time are not wanted any more.
    ask_id TEXT NOT NULL,
    asked_by_id TEXT,
    asked_by_name TEXT NOT NULL,
    message TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    answered_at BIGINT,
    -- When they said they would be there; NULL: they did not say.
    arrives_at BIGINT,
    UNIQUE (incident_id, user_id)
);
CREATE INDEX incident_responders_by_user ON incident_responders (user_id);
CREATE INDEX incident_responders_by_ask ON incident_responders (ask_id);

-- A page that asks somebody for help, and by which asking; NULL: it is a page of the escalation.
ALTER TABLE notifications ADD COLUMN ask_id TEXT;
CREATE INDEX notifications_by_ask ON notifications (ask_id) WHERE ask_id IS NOT NULL;
