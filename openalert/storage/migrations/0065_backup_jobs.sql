-- What is done about backups by itself: the nightly copy, its copy elsewhere, the drill. One row each, while it is on.
CREATE TABLE backup_jobs (
    name TEXT PRIMARY KEY CHECK (name IN ('backup', 'copy', 'drill')),
    -- Since when it is on.
    since BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    -- When it last succeeded.
    done_at BIGINT,
    failing_since BIGINT,
    attempts BIGINT NOT NULL,
    error TEXT NOT NULL,
    -- JSON: what came of the last success.
    facts TEXT NOT NULL
);
