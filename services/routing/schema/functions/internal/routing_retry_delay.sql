-- How long after the failure of attempt number p_attempt (from 1) the next one is due: 1, 5, 15, 60
-- minutes; null after the fifth, which failed for good.
create or replace function routing_retry_delay(p_attempt int) returns interval
language sql
immutable
set search_path from current
as $$
  select make_interval(mins => (array[1, 5, 15, 60])[p_attempt]);
$$;
