-- migrate:up

-- A retry has a trace of its own, by which its log line is found; a first try has the row's.
create index idx_item_attempts_attempt_trace on item_attempts (attempt_trace_id)
  where attempt_trace_id <> trace_id;

-- migrate:down
drop index idx_item_attempts_attempt_trace;
