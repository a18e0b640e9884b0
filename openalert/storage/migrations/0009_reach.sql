-- Reaching people by more than mail: further kinds of notification, whose turn it is, which step of a person's rules
-- it is, and what ways to reach somebody keep secret.

-- A column goes with its own CHECK, which neither database can change in place. What kinds there are is the domain's
-- to say; a row of a kind that nobody knows cannot be read, which a test would see.
ALTER TABLE notifications ADD COLUMN any_kind TEXT NOT NULL DEFAULT 'page';
UPDATE notifications SET any_kind = kind;
ALTER TABLE notifications DROP COLUMN kind;
ALTER TABLE notifications RENAME COLUMN any_kind TO kind;

-- 0 before all else, 3 last: see NotificationPriority.
ALTER TABLE notifications ADD COLUMN priority BIGINT NOT NULL DEFAULT 1;
UPDATE notifications SET priority = CASE kind WHEN 'update' THEN 2 ELSE 1 END;
-- The step of the person's rules, counted from 0; a page of a later step waits its delay.
ALTER TABLE notifications ADD COLUMN step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notifications ADD COLUMN service_id TEXT;
-- Which of a channel's providers took it: 0 the first, 1 the second.
ALTER TABLE notifications ADD COLUMN provider BIGINT NOT NULL DEFAULT 0;
CREATE INDEX notifications_by_turn ON notifications (priority, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX notifications_by_provider_id ON notifications (provider_id) WHERE provider_id IS NOT NULL;

ALTER TABLE contact_methods ADD COLUMN label TEXT NOT NULL DEFAULT '';
-- What must not be read: a push subscription, an address that holds a token.
ALTER TABLE contact_methods ADD COLUMN sealed TEXT;
-- Since when every message by it has failed, and with which words.
ALTER TABLE contact_methods ADD COLUMN failing_since BIGINT;
ALTER TABLE contact_methods ADD COLUMN last_failure TEXT;
CREATE INDEX contact_methods_by_address ON contact_methods (type, address);
