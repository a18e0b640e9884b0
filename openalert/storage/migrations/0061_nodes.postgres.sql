
-- What each writer wrote last with a commit: after a lost answer it asks whether that commit was made.
CREATE TABLE commit_receipts (
    writer TEXT PRIMARY KEY,
    receipt BIGINT NOT NULL,
    written_at TIMESTAMPTZ NOT NULL
);

-- Whoever commits events tells the other nodes so, whatever program it is.
CREATE FUNCTION openalert_tell_nodes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('openalert_events', ''); RETURN NULL; END $$;
CREATE TRIGGER events_tell_nodes AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION openalert_tell_nodes();
