-- Single sign-on: who people are at their identity provider, and sign-ins on their way through it.

-- Found by (issuer, tenant, subject) and never by an e-mail address.
CREATE TABLE identities (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    email TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    UNIQUE (issuer, tenant, subject)
);

CREATE INDEX identities_user ON identities (user_id);

-- One row per press of the button, gone when it is used. Nothing in it opens anything: the browser holds the secret.
CREATE TABLE single_sign_on_attempts (
    state_hash TEXT PRIMARY KEY,
    browser_hash TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('sign_in', 'connect', 'explain')),
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    target TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX single_sign_on_attempts_expiry ON single_sign_on_attempts (expires_at);

-- Unknown identities that came with the address of somebody who is known: admins connect them, or do not.
CREATE TABLE link_requests (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (issuer, tenant, subject)
);
