-- Fire drills: test pages that come by themselves, one row for each, and what became of it.
ALTER TABLE teams ADD COLUMN drills TEXT NOT NULL DEFAULT 'off';

CREATE TABLE drills (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    team_id TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The first day of the week or month that it is for.
    period TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Without a reference: the history outlives the address.
    contact_method_id TEXT,
    channel TEXT,
    reason TEXT NOT NULL,
    -- When the next thing has to happen; NULL: it is over.
    due_at BIGINT,
    give_up_at BIGINT NOT NULL,
    sent_at BIGINT,
    reminded_at BIGINT,
    answered_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX drills_by_due ON drills (due_at) WHERE due_at IS NOT NULL;
CREATE UNIQUE INDEX drills_ahead ON drills (team_id, user_id) WHERE due_at IS NOT NULL;
CREATE UNIQUE INDEX drills_open ON drills (user_id) WHERE state IN ('sent', 'reminded');
CREATE INDEX drills_by_team ON drills (team_id, id);
CREATE INDEX drills_by_user ON drills (user_id, id);
