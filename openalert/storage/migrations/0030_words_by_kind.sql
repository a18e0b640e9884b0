-- The words that an organization has chosen, by the kind of message too: a page, a reminder, news, a handoff, a test …
-- What was chosen before counts for everything about an incident, as it did: the kind `any`.
CREATE TABLE message_templates_by_kind (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, channel, kind)
);

INSERT INTO message_templates_by_kind (organization_id, channel, kind, text, updated_at)
SELECT organization_id, channel, 'any', text, updated_at FROM message_templates;

DROP TABLE message_templates;

ALTER TABLE message_templates_by_kind RENAME TO message_templates;
