-- Whoever asked to be told what a status page tells, and what they are sent. Addresses are people's: never public.
CREATE TABLE status_subscribers (
    id TEXT PRIMARY KEY,
    page_id TEXT NOT NULL REFERENCES status_pages (id) ON DELETE CASCADE,
    public_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('email', 'webhook', 'slack', 'teams')),
    -- The mail address; of the other kinds a short form of the URL that may be shown. Empty once it is forgotten.
    address TEXT NOT NULL,
    -- The URL of the other kinds, sealed.
    sealed TEXT,
    -- SHA-256 over kind and address: one subscriber for each, also while all that is kept of them is that they left.
    address_key TEXT NOT NULL,
    -- To whom it is written about a webhook: who confirms it, and who is told when it takes nothing any more.
    contact TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'quarantined', 'unsubscribed')),
    -- Only the components that are listed, not all of the page.
    is_selective BOOLEAN NOT NULL,
    -- Only this incident.
    incident_id TEXT REFERENCES status_incidents (id) ON DELETE CASCADE,
    -- NULL: that of the page.
    language TEXT,
    -- Who brought them: 'form', 'api', 'admin' or 'import'.
    origin TEXT NOT NULL,
    -- How often a mail asked for a confirmation since the last one, and when last.
    asks BIGINT NOT NULL,
    asked_at BIGINT,
    -- When the link that was sent last ends.
    confirm_until BIGINT,
    confirmed_at BIGINT,
    quarantined_at BIGINT,
    quarantine_reason TEXT,
    unsubscribed_at BIGINT,
    -- Deliveries in a row that failed.
    failures BIGINT NOT NULL,
    -- When it is forgotten that they asked; NULL: not.
    forget_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX status_subscribers_by_address ON status_subscribers (page_id, address_key);
CREATE INDEX status_subscribers_by_page ON status_subscribers (page_id, id);
CREATE INDEX status_subscribers_by_incident ON status_subscribers (incident_id) WHERE incident_id IS NOT NULL;
CREATE INDEX status_subscribers_to_forget ON status_subscribers (forget_at) WHERE forget_at IS NOT NULL;

CREATE TABLE status_subscriber_components (
    subscriber_id TEXT NOT NULL REFERENCES status_subscribers (id) ON DELETE CASCADE,
    component_id TEXT NOT NULL REFERENCES status_components (id) ON DELETE CASCADE,
    PRIMARY KEY (subscriber_id, component_id)
);
CREATE INDEX status_subscriber_components_by_component ON status_subscriber_components (component_id);

-- Something to be sent: an update to all whom it concerns, or a letter to one. Written with what it tells of, so that
-- nothing that was published is ever forgotten; deliveries are made of it in batches.
CREATE TABLE status_mailings (
    id TEXT PRIMARY KEY,
    page_id TEXT NOT NULL REFERENCES status_pages (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    incident_id TEXT REFERENCES status_incidents (id) ON DELETE CASCADE,
    update_id TEXT UNIQUE REFERENCES status_updates (id) ON DELETE CASCADE,
    -- Subscribers up to this one have their delivery.
    reached TEXT NOT NULL,
    -- Since when all of them have; NULL: not yet.
    spread_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX status_mailings_to_spread ON status_mailings (id) WHERE spread_at IS NULL;
CREATE INDEX status_mailings_by_page ON status_mailings (page_id);
CREATE INDEX status_mailings_by_incident ON status_mailings (incident_id, id) WHERE incident_id IS NOT NULL;

-- One thing on its way to one subscriber. No reference: what was sent is still counted when its receiver is gone.
CREATE TABLE status_deliveries (
    mailing_id TEXT NOT NULL REFERENCES status_mailings (id) ON DELETE CASCADE,
    subscriber_id TEXT NOT NULL,
    -- How it is sent: 'email', 'webhook', 'slack', 'teams'.
    channel TEXT NOT NULL,
    -- Those with a lower number go first: somebody waits for a confirmation in front of their mailbox.
    place BIGINT NOT NULL,
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    -- When it may leave; NULL: it is over.
    due_at BIGINT,
    give_up_at BIGINT NOT NULL,
    -- It may have arrived already.
    is_repeat BOOLEAN NOT NULL,
    run_id TEXT,
    claimed_at BIGINT,
    sent_at BIGINT,
    failure_reason TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (mailing_id, subscriber_id)
);
CREATE INDEX status_deliveries_due ON status_deliveries (channel, place, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX status_deliveries_by_subscriber ON status_deliveries (subscriber_id);
CREATE INDEX status_deliveries_sending ON status_deliveries (claimed_at) WHERE status = 'sending';
