-- Shift swaps: one row for each shift, or part of one, that was offered or taken, and what became of it.
CREATE TABLE shift_swaps (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    schedule_id TEXT NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    -- Whose shift it is.
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- NULL: whoever may respond in the team.
    to_user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    taken_by_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    -- The shift that is taken in return; NULL: none.
    return_start_at BIGINT,
    return_end_at BIGINT,
    note TEXT NOT NULL,
    status TEXT NOT NULL,
    -- Without references: the overrides that carry it out, which may be gone.
    cover_id TEXT,
    return_cover_id TEXT,
    -- When an open offer expires; NULL: it is not open.
    due_at BIGINT,
    created_at BIGINT NOT NULL,
    created_by_id TEXT,
    updated_at BIGINT NOT NULL
);

CREATE INDEX shift_swaps_by_due ON shift_swaps (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX shift_swaps_by_schedule ON shift_swaps (schedule_id, end_at);
