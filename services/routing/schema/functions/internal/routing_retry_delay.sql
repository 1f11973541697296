-- How long after attempt number p_attempt (from 1) failed the next one is due: 1, 5, 15, then 60
-- minutes; null after the fifth: failed for good.
create or replace function routing_retry_delay(p_attempt int) returns interval
language sql
immutable
set search_path from current
as $$
  select make_interval(mins => (array[1, 5, 15, 60])[p_attempt]);
$$;
