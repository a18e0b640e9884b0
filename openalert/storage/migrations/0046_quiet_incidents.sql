-- An open incident of which every alert that fires is held is silent, and comes back with the first that is let go.
ALTER TABLE incidents ADD COLUMN is_held BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX alerts_held_in_incidents ON alerts (incident_id, id)
    WHERE status = 'suppressed' AND incident_id IS NOT NULL;
