-- A provider may report what became of a message before its answer to our request is here: what it told then waits in
-- this column, as JSON, for that answer. NULL: it was acted upon when it came.
ALTER TABLE provider_events ADD COLUMN told TEXT;
