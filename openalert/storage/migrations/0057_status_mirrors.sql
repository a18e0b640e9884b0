-- Mirrors of status pages: what each shows of which page, and what it is owed. Where they lie stands in the configuration.
CREATE TABLE status_mirrors (
    name TEXT PRIMARY KEY,
    -- A hash of where it lies and what it holds: a mirror that moves begins anew.
    target TEXT NOT NULL,
    -- JSON: by page, the version that it shows. A page that has another one by now is work.
    versions TEXT NOT NULL,
    -- Nothing is done before; then it is made anew, changed or not.
    due_at BIGINT NOT NULL,
    refresh_at BIGINT NOT NULL,
    done_at BIGINT,
    failing_since BIGINT,
    attempts BIGINT NOT NULL,
    error TEXT NOT NULL
);

-- What lies in a bucket by our hand, so that only what has changed is sent and what vanished is taken away.
CREATE TABLE status_mirror_files (
    mirror TEXT NOT NULL REFERENCES status_mirrors (name) ON DELETE CASCADE,
    path TEXT NOT NULL,
    -- Empty: it may have arrived or not.
    digest TEXT NOT NULL,
    PRIMARY KEY (mirror, path)
);
