-- What an override does to those who would be on call, and rotations that are gone but whose past stays.
ALTER TABLE overrides ADD COLUMN kind TEXT NOT NULL DEFAULT 'replace';
ALTER TABLE overrides ADD COLUMN instead_of_id TEXT NOT NULL DEFAULT '';
-- JSON: ids of the rotations that it acts on (none: the whole schedule), and the turns of a temporary schedule.
ALTER TABLE overrides ADD COLUMN rotation_ids TEXT NOT NULL DEFAULT '[]';
ALTER TABLE overrides ADD COLUMN shifts TEXT NOT NULL DEFAULT '[]';
ALTER TABLE rotations ADD COLUMN removed_at BIGINT;
