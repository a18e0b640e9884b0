-- What keeps the audit log append-only and in one line, as Postgres says it; each function on one line.
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$;
CREATE FUNCTION audit_continue() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE audit_head SET seq = NEW.seq, hash = NEW.hash WHERE seq = NEW.seq - 1 AND hash = NEW.previous_hash; IF NOT FOUND THEN RAISE EXCEPTION 'an audit entry must continue the chain'; END IF; RETURN NEW; END $$;
CREATE TRIGGER audit_log_continues BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_continue();
CREATE TRIGGER audit_log_keeps BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_log_stays BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_head_advances BEFORE UPDATE ON audit_head FOR EACH ROW WHEN (NEW.seq <> OLD.seq + 1) EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_head_exists BEFORE TRUNCATE ON audit_head FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
