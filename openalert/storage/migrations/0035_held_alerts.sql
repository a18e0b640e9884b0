-- Held alerts: what fires and must not page yet, and by what; what was decided about an alert, step by step.
ALTER TABLE alerts ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE alerts ADD COLUMN assignee_id TEXT;
-- The group that it goes to once nothing holds it any more; NULL while it has an incident, or is over.
ALTER TABLE alerts ADD COLUMN group_key TEXT;
-- What rules, windows and people decided about it; empty: nothing but the ordinary way.
ALTER TABLE alerts ADD COLUMN trace TEXT NOT NULL DEFAULT '[]';
CREATE INDEX alerts_held ON alerts (team_id, id) WHERE status = 'suppressed';

-- One row for each thing that keeps an alert from paging; the alert is let go once none of its rows is live.
CREATE TABLE alert_holds (
    id TEXT PRIMARY KEY,
    alert_id TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    -- The rule, window, silence or person that holds it.
    ref_id TEXT NOT NULL,
    name TEXT NOT NULL,
    since BIGINT NOT NULL,
    -- When it is over by itself; NULL: an act ends it.
    until BIGINT,
    -- When it was over; NULL: it is live.
    released_at BIGINT,
    -- Whether it holds the alert once only: its end is what it waited for, and it must not hold the alert again.
    once BOOLEAN NOT NULL
);
CREATE INDEX alert_holds_due ON alert_holds (until) WHERE released_at IS NULL;
CREATE INDEX alert_holds_by_alert ON alert_holds (alert_id);
CREATE INDEX alert_holds_by_ref ON alert_holds (ref_id, since);

-- Changes with everything that a team sets about its alerts, so that what was compiled from it is known to be old.
-- A team that has never set anything has none.
CREATE TABLE handling_versions (
    team_id TEXT PRIMARY KEY REFERENCES teams (id) ON DELETE CASCADE,
    version TEXT NOT NULL
);
