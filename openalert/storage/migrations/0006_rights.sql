-- Who may do what: keys that are narrowed to kinds of acts and to one team, and teams that are gone but not forgotten.

-- What a key may be used for: a JSON list of `read`, `respond`, `configure`, `admin`.
ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT '["read","respond","configure","admin"]';
-- The only team in which it acts; NULL: wherever its maker does.
ALTER TABLE api_keys ADD COLUMN team_id TEXT REFERENCES teams (id);

-- Incidents of the past still name their team.
ALTER TABLE teams ADD COLUMN deleted_at BIGINT;
