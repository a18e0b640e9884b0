-- Open incidents whose escalation has ended: those among them whom nobody could be told of go to the last resort.
CREATE INDEX incidents_ended ON incidents (id) WHERE status = 'triggered' AND escalation_state IN ('exhausted', 'none');
