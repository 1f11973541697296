-- Saves delivery's copy of workspaces, each with a credit account; a newer policy replaces the
-- older.
create or replace function save_workspaces(
  p_org_ids uuid[],
  p_workspace_ids uuid[],
  p_offer_policies text[],
  p_traceparents text[],
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(p_org_ids);
  insert into workspaces as w
    (org_id, workspace_id, offer_policy, created_at, updated_at, trace_id)
  select distinct on (n.org_id, n.workspace_id)
    n.org_id, n.workspace_id, n.offer_policy, p_now, p_now, substr(n.traceparent, 4, 32)
  from unnest(p_org_ids, p_workspace_ids, p_offer_policies, p_traceparents)
    with ordinality as n (org_id, workspace_id, offer_policy, traceparent, place)
  order by n.org_id, n.workspace_id, n.place desc
  on conflict (org_id, workspace_id) do update
  set offer_policy = excluded.offer_policy,
      updated_at = excluded.updated_at
  where w.offer_policy <> excluded.offer_policy;

  insert into credit_accounts (org_id, workspace_id, created_at, trace_id)
  select distinct on (n.org_id, n.workspace_id)
    n.org_id, n.workspace_id, p_now, substr(n.traceparent, 4, 32)
  from unnest(p_org_ids, p_workspace_ids, p_traceparents) as n (org_id, workspace_id, traceparent)
  -- A conflict waits for a transaction that updates the row, and a busy account always has one.
  where not exists (
    select
    from credit_accounts a
    where a.org_id = n.org_id and a.workspace_id = n.workspace_id)
  order by n.org_id, n.workspace_id
  on conflict do nothing;
end;
$$;
