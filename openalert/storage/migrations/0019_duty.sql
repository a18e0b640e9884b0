-- Who was on call when it was last looked at, so that whoever takes over and whoever is relieved can be told.

CREATE TABLE duties (
    schedule_id TEXT PRIMARY KEY REFERENCES schedules (id) ON DELETE CASCADE,
    user_ids TEXT NOT NULL,
    noted_at BIGINT NOT NULL
);
