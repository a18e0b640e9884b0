-- A provider whose certificate is not valid takes nothing either, and somebody must act.
ALTER TABLE channel_troubles ADD COLUMN kind TEXT NOT NULL DEFAULT 'credentials';
