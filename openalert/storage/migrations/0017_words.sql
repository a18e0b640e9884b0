-- The words that an organization has chosen for its messages: one template for each way by which they are read.
CREATE TABLE message_templates (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    channel TEXT NOT NULL,
    text TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, channel)
);
