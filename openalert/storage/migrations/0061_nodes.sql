-- Runs of several nodes on one database: docs/decisions/0011-leases-and-receipts.md.
-- `node` names where it runs, for people. `place` tells whether a later run is of the same place (machine, network
-- and port), which only one process can hold. Whoever finds `lease_until` over may set `fenced_at`, and takes over
-- what the run had claimed: such a run claims nothing more. `keys` are marks of the keys it works with.
ALTER TABLE runs ADD COLUMN node TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN keys TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN lease_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN fenced_at BIGINT;
CREATE INDEX runs_living ON runs (id) WHERE stopped_at IS NULL AND fenced_at IS NULL;
