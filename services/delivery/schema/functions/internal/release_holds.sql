-- Releases the credits of live holds ('released' or 'expired') and wakes deliveries that wait for
-- credits. For use by other functions, which have set the tenant or run as the system role, and
-- have locked deliveries and accounts. Returns how many holds were resolved.
create or replace function release_holds(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_status text,
  p_reason text,
  p_now timestamptz
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_org_ids uuid[];
  v_hold_ids uuid[];
  v_workspace_ids uuid[];
  v_delivery_ids uuid[];
  v_trace_ids text[];
begin
  with resolved as (
    update credit_holds h
    set status = p_status,
        resolved_at = p_now
    from (select distinct * from unnest(p_org_ids, p_delivery_ids) as n (org_id, delivery_id)) n
    where h.org_id = n.org_id and h.delivery_id = n.delivery_id and h.status = 'live'
    returning h.*
  )
  select array_agg(org_id), array_agg(hold_id), array_agg(workspace_id), array_agg(delivery_id),
    array_agg(trace_id)
  into v_org_ids, v_hold_ids, v_workspace_ids, v_delivery_ids, v_trace_ids
  from resolved;
  if v_hold_ids is null then
    return 0;
  end if;
  perform post_credits('CREDIT_RELEASE', v_org_ids, v_workspace_ids,
    array_fill('held'::text, array[cardinality(v_hold_ids)]), 'available',
    array_fill(1, array[cardinality(v_hold_ids)]), v_delivery_ids, v_hold_ids, p_reason,
    v_trace_ids, p_now);
  perform wake_deliveries(v_org_ids, v_workspace_ids, 'credit', p_now);
  return cardinality(v_hold_ids);
end;
$$;
