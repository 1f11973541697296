-- What the latest failed attempt of a delivery failed with: its error, else its HTTP status and
-- outcome; null where none failed. For the functions that read deliveries, which have set the tenant.
create or replace function last_error(p_org_id uuid, p_delivery_id uuid)
returns text
language sql
stable
set search_path from current
as $$
  select coalesce(nullif(t.error, ''), concat_ws(' ', t.status_code, t.outcome))
  from attempts t
  where t.org_id = p_org_id
    and t.delivery_id = p_delivery_id
    and t.outcome <> 'accepted'
  order by t.started_at desc, t.number desc
  limit 1;
$$;
