-- Answers to requests that carried an Idempotency-Key, kept for a day and written in the transaction of their act.

CREATE TABLE kept_answers (
    id TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    status BIGINT NOT NULL,
    headers TEXT NOT NULL,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX kept_answers_created_at ON kept_answers (created_at);
