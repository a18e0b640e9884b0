-- Noise: what of a service gets a moment to end by itself, and groups that roll on while alerts keep coming.
ALTER TABLE services ADD COLUMN noise TEXT NOT NULL DEFAULT '{}';

-- When earlier occurrences of the alert's identity began, the newest last.
ALTER TABLE alerts ADD COLUMN began TEXT NOT NULL DEFAULT '[]';

-- Of services whose groups have a window: which incident of a group is the one that alerts join now.
CREATE TABLE group_windows (
    -- Service and group.
    open_key TEXT PRIMARY KEY,
    generation BIGINT NOT NULL,
    -- When the last alert joined.
    last_at BIGINT NOT NULL
);
CREATE INDEX group_windows_by_age ON group_windows (last_at);
