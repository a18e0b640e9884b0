-- What is open and mine is counted on every page: found by the person, not by looking through all that is open.

CREATE INDEX incidents_open_by_assignee ON incidents (assignee_id, id)
WHERE status <> 'resolved' AND assignee_id IS NOT NULL;

CREATE INDEX incidents_open_by_acknowledger ON incidents (acknowledged_by_id, id)
WHERE status <> 'resolved' AND acknowledged_by_id IS NOT NULL;
