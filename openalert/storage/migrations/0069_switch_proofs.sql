-- Times in which the dead-man's switch elsewhere is told nothing on purpose, so that it proves that it complains.
-- When the silence ends stands here, so that it ends whoever is killed or started meanwhile.
CREATE TABLE switch_proofs (
    id TEXT PRIMARY KEY,
    -- Of whoever began it; empty: a command on the machine.
    organization_id TEXT NOT NULL,
    -- Which switch: a digest of its address. A proof says nothing about another one.
    switch TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    until BIGINT NOT NULL,
    begun_by TEXT NOT NULL,
    -- 'open' until somebody, or the server itself, says what became of it.
    outcome TEXT NOT NULL CHECK (outcome IN ('open', 'came', 'missed', 'stopped', 'trouble')),
    ended_at BIGINT,
    ended_by TEXT NOT NULL
);
CREATE INDEX switch_proofs_came ON switch_proofs (switch, id) WHERE outcome = 'came';
