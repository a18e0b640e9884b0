-- What is open stands in one index together with what lists of alerts are narrowed and counted by: most of a look at
-- ten thousand open alerts touches no alert, and none depends on how many are over.
DROP INDEX alerts_unresolved;
CREATE INDEX alerts_open ON alerts (
    organization_id, id, team_id, status, severity, service_id, integration_id, source, assignee_id
) WHERE status <> 'resolved';

-- Lists of alerts that people keep under a name.
CREATE TABLE saved_views (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    -- The team that it is shared with; NULL: whoever made it has it alone.
    team_id TEXT REFERENCES teams (id),
    name TEXT NOT NULL,
    -- The query of its address.
    query TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX saved_views_by_user ON saved_views (user_id, name);
CREATE INDEX saved_views_by_team ON saved_views (team_id, name) WHERE team_id IS NOT NULL;

-- With which of them somebody's list of alerts begins.
CREATE TABLE first_views (
    user_id TEXT PRIMARY KEY REFERENCES users (id),
    view_id TEXT NOT NULL REFERENCES saved_views (id) ON DELETE CASCADE
);
