-- Pages to browsers: the key by which push services know us, and which browser a subscription belongs to.

-- The secret half of a fact of the installation; `value` is what anybody may know of it.
ALTER TABLE settings ADD COLUMN sealed TEXT;

CREATE TABLE push_subscriptions (
    contact_method_id TEXT PRIMARY KEY REFERENCES contact_methods (id) ON DELETE CASCADE,
    -- The hash of the token by which the browser is known; NULL where it was made by a program.
    browser_hash TEXT,
    -- The newest session of its person in that browser, so that whoever ends it ends the pages there too.
    session_id TEXT
);
CREATE INDEX push_subscriptions_by_browser ON push_subscriptions (browser_hash);
CREATE INDEX push_subscriptions_by_session ON push_subscriptions (session_id);
