-- runs as: system
-- The orgs that have rows of a trace: for callers that serve all orgs. Orphans, which concern no known
-- org, belong to the nil org, whose rows no tenant's token reaches.
create or replace function find_trace_orgs(p_trace_id text)
returns table (org_id uuid)
language sql
stable
security definer
set search_path from current
as $$
  select l.org_id from leads l where l.trace_id = p_trace_id
  union
  select i.org_id from webhook_items i where i.trace_id = p_trace_id
  union
  select w.org_id from webhook_delivery_log w where w.trace_id = p_trace_id
  union
  select '00000000-0000-0000-0000-000000000000' from webhook_orphans o
  where o.trace_id = p_trace_id
  union
  select '00000000-0000-0000-0000-000000000000' from webhook_orphans o
  join webhook_deliveries d using (delivery_id)
  where d.trace_id = p_trace_id;
$$;
