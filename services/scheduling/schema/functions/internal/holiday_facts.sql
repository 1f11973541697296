-- The days of a holiday set, for the audit trail.
-- The caller has set the tenant.
create or replace function holiday_facts(p_org_id uuid, p_holiday_set text)
returns jsonb
language sql
stable
set search_path from current
as $$
  select jsonb_build_object('holiday_set', p_holiday_set,
    'days', coalesce(jsonb_agg(h.day order by h.day), '[]'))
  from holidays h
  where h.org_id = p_org_id and h.holiday_set = p_holiday_set;
$$;
