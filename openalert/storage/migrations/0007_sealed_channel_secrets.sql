-- What a channel keeps secret (a webhook's signing secret) leaves `config` and is sealed by the vault.
-- Rows from before are moved when the program opens the database, because SQL cannot seal.
ALTER TABLE channels ADD COLUMN sealed TEXT;
