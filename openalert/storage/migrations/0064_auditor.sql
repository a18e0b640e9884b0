-- What the auditor looks through each minute: open incidents that ought to have a timer.
CREATE INDEX incidents_escalating ON incidents (id)
    WHERE status = 'triggered' AND snoozed_until IS NULL AND escalation_state IN ('running', 'stopped');
CREATE INDEX incidents_snoozed ON incidents (id) WHERE status <> 'resolved' AND snoozed_until IS NOT NULL;
