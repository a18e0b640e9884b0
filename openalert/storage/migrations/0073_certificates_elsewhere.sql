-- Certificates of addresses that teams have named: webhooks and domains of status pages. Each as it was seen last.
CREATE TABLE certificates_elsewhere (
    host TEXT NOT NULL,
    port BIGINT NOT NULL,
    looked_at BIGINT NOT NULL,
    -- NULL: it was never seen.
    starts_at BIGINT,
    ends_at BIGINT,
    PRIMARY KEY (host, port)
);
