-- Sending: what is due is found by channel and priority, what takes too long by its end, and several pages to one
-- person may leave as one message.

-- Messages with the same value leave together, as one; NULL: alone.
ALTER TABLE notifications ADD COLUMN bundle_id TEXT;
ALTER TABLE notification_attempts ADD COLUMN provider BIGINT NOT NULL DEFAULT 0;

-- In place of those by time alone: a channel that takes nothing is passed over however much waits for it.
DROP INDEX notifications_by_turn;
DROP INDEX notifications_by_due;
CREATE INDEX notifications_by_lane ON notifications (channel, priority, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX notifications_by_end ON notifications (give_up_at) WHERE due_at IS NOT NULL;
CREATE INDEX notifications_by_bundle ON notifications (bundle_id) WHERE bundle_id IS NOT NULL;
-- The last pages by one way to reach somebody.
CREATE INDEX notifications_by_way ON notifications (contact_method_id, claimed_at) WHERE kind = 'page';
CREATE INDEX notifications_by_channel ON notifications (channel, organization_id, id);
CREATE INDEX notifications_failed ON notifications (organization_id, id) WHERE status = 'failed';

-- Channels whose provider does not know us any more: told to the owners once, gone with the next success.
CREATE TABLE channel_troubles (
    channel TEXT NOT NULL,
    provider BIGINT NOT NULL,
    -- Where every address is a provider of its own; else empty.
    address TEXT NOT NULL,
    since BIGINT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (channel, provider, address)
);
