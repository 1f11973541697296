-- Makes a dead-lettered item due again; its attempts are counted from zero again.
-- Raises WB023 ITEM_NOT_FOUND, WB024 ITEM_NOT_DEAD, WB026 ITEM_NOT_REPLAYABLE: an item that was
-- malformed on arrival has no worker, or lacks the id that the worker needs.
create or replace function replay_webhook_item(
  p_org_id uuid,
  p_item_id uuid,
  p_traceparent text,
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path from current
as $$
declare
  v_item webhook_items;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  select i.* into v_item
  from webhook_items i
  where i.org_id = p_org_id and i.item_id = p_item_id
  for update;
  if v_item.item_id is null then
    perform refuse(23, 'There is no such webhook item.',
      jsonb_build_object('item_id', p_item_id));
  end if;
  if v_item.status <> 'dead_letter' then
    perform refuse(24, 'Only a dead-lettered item can be replayed.',
      jsonb_build_object('item_id', p_item_id, 'status', v_item.status));
  end if;
  if v_item.kind not in ('leadgen', 'message') or v_item.external_id is null then
    perform refuse(26,
      'It was malformed on arrival, so a replay cannot help. Have it sent again.',
      jsonb_build_object('item_id', p_item_id, 'kind', v_item.kind, 'reason', v_item.reason));
  end if;
  update webhook_items
  set status = 'pending', reason = null, replayed_after = attempts, due_at = p_now,
    settled_at = null
  where org_id = p_org_id and item_id = p_item_id;
  perform refresh_delivery_log(array[p_org_id], array[p_item_id], null, p_now);
end;
$$;
