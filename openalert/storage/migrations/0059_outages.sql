-- The last sign of life of the newest runs, by which the next one knows how long nobody was there, and why.
CREATE TABLE lives (
    run_id TEXT PRIMARY KEY,
    -- Counted from 1: a clock that was set says nothing about the order of runs.
    number BIGINT NOT NULL,
    -- Of the kernel; empty where it cannot be read.
    boot_id TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    -- Milliseconds since that kernel began.
    elapsed BIGINT NOT NULL,
    -- `stopped` or `restored`; empty: nothing was said.
    ending TEXT NOT NULL
);

-- Times in which nobody was there to page anybody, the newest few hundred.
CREATE TABLE outages (
    number BIGINT PRIMARY KEY,
    run_id TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    ending TEXT NOT NULL,
    clock_step BIGINT NOT NULL,
    clock_behind BIGINT NOT NULL
);
