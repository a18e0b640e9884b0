-- How many OpenAlert instances a piece of news has passed before it came here, by the header X-OpenAlert-Hop: what has
-- been through too many is told to people and to no further instance, so that two that tell each other come to an end.
ALTER TABLE alerts ADD COLUMN hops BIGINT NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN hops BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outgoing_deliveries ADD COLUMN hops BIGINT NOT NULL DEFAULT 0;
