-- migrate:up

-- A retry has a trace of its own, by which its log line is found; a first try has the row's.
create index idx_attempts_attempt_trace on attempts ((substr(attempt_traceparent, 4, 32)))
  where substr(attempt_traceparent, 4, 32) <> trace_id;

-- migrate:down
drop index idx_attempts_attempt_trace;
