-- find_traces takes the key of the row that a page ended with. Under the old form beside it a call
-- without the key would be ambiguous.

-- migrate:up
drop function if exists find_traces(uuid[], uuid, text, text, int, timestamptz);

-- migrate:down
drop function if exists find_traces(uuid[], uuid, text, text, int, timestamptz, uuid);
