-- Tries the advisory locks of a claim: the 15-minute buckets of each calendar in order, at most 64.
--   - stops at the first lock that another call has; returns whether it got all
--   - only politeness: a call without the locks goes on, and the exclusion constraint decides
--   - the caller has set the tenant
create or replace function lock_buckets(
  p_org_id uuid,
  p_calendar_ids uuid[],
  p_from timestamptz,
  p_to timestamptz
) returns boolean
language plpgsql
volatile
set search_path from current
as $$
declare
  v_key bigint;
begin
  for v_key in
    select b.key
    from (
      select c.calendar_id, g.bucket,
        hashtextextended(format('%s/%s/%s', p_org_id, c.calendar_id, g.bucket), 15) as key
      from unnest(p_calendar_ids) as c (calendar_id)
      cross join generate_series(
        floor(extract(epoch from p_from) / 900)::bigint,
        ceil(extract(epoch from p_to) / 900)::bigint - 1) as g (bucket)
    ) b
    order by b.calendar_id, b.bucket
    limit 64
  loop
    if not pg_try_advisory_xact_lock(v_key) then
      return false;
    end if;
  end loop;
  return true;
end;
$$;
