-- Holds a credit for p_hold_seconds for each delivery that is claimed under p_token and has no
-- live hold.
-- For use by claim_deliveries, which runs as the system role (no caller has set the tenant) and
-- has locked deliveries and accounts.
create or replace function hold_credits(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_token uuid,
  p_hold_seconds double precision,
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
declare
  v_hold_ids uuid[];
  v_hold_org_ids uuid[];
  v_hold_workspace_ids uuid[];
  v_hold_delivery_ids uuid[];
  v_hold_trace_ids text[];
begin
  with held as (
    insert into credit_holds (org_id, hold_id, workspace_id, delivery_id, created_at, expires_at,
      trace_id)
    select d.org_id, gen_random_uuid(), d.workspace_id, d.delivery_id, p_now,
      p_now + make_interval(secs => p_hold_seconds), d.trace_id
    from deliveries d
    join unnest(p_org_ids, p_delivery_ids) as n (org_id, delivery_id) using (org_id, delivery_id)
    where d.claim_token = p_token -- not a fence: our own claim
    on conflict (org_id, delivery_id) where status = 'live' do nothing
    returning *
  )
  select array_agg(h.hold_id order by h.delivery_id),
    array_agg(h.org_id order by h.delivery_id),
    array_agg(h.workspace_id order by h.delivery_id),
    array_agg(h.delivery_id order by h.delivery_id),
    array_agg(h.trace_id order by h.delivery_id)
  into v_hold_ids, v_hold_org_ids, v_hold_workspace_ids, v_hold_delivery_ids, v_hold_trace_ids
  from held h;
  if v_hold_ids is not null then
    perform post_credits('CREDIT_HOLD', v_hold_org_ids, v_hold_workspace_ids,
      array_fill('available'::text, array[cardinality(v_hold_ids)]), 'held',
      array_fill(1, array[cardinality(v_hold_ids)]), v_hold_delivery_ids, v_hold_ids, '',
      v_hold_trace_ids, p_now);
  end if;
end;
$$;
