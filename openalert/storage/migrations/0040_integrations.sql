-- Integrations that know their senders better: what a sender proves itself with, and what became of each message.

-- The secret of a sender check, sealed.
ALTER TABLE integrations ADD COLUMN sealed TEXT;

-- What reading a message again needs besides its body: `{"headers": {…}, "query": {…}}`, only what reading looks at.
ALTER TABLE payloads ADD COLUMN context TEXT NOT NULL DEFAULT '{}';
-- What its first alerts were read as, and what each led to.
ALTER TABLE payloads ADD COLUMN read_as TEXT NOT NULL DEFAULT '[]';
-- When it was sent through again with success: nothing is left to do about it.
ALTER TABLE payloads ADD COLUMN settled_at BIGINT;

-- A column goes with its own CHECK, which neither database can change in place. Which outcomes there are is the
-- domain's to say: `refused` and `closed` are new.
ALTER TABLE payloads ADD COLUMN any_outcome TEXT NOT NULL DEFAULT 'accepted';
UPDATE payloads SET any_outcome = outcome;
DROP INDEX payloads_quarantined;
ALTER TABLE payloads DROP COLUMN outcome;
ALTER TABLE payloads RENAME COLUMN any_outcome TO outcome;
CREATE INDEX payloads_quarantined ON payloads (integration_id, id) WHERE outcome = 'quarantined';
CREATE INDEX payloads_refused ON payloads (integration_id, id) WHERE outcome = 'refused';
