-- Every row of this schema that a trace has, as bars of a waterfall, oldest first: offers and
-- their steps, deliveries with each attempt, and what was waited for: the queue, a retry, a
-- credit, an endpoint, and the time a credit was held. What has the trace of its offer or delivery
-- is found through those; verify_books checks that it has.
create or replace function get_trace(
  p_org_ids uuid[],
  p_workspace_id uuid,
  p_trace_id text
) returns table (
  source_table text,
  key uuid,
  attempt int,
  name text,
  started_at timestamptz,
  ended_at timestamptz,
  waiting boolean,
  outcome text,
  ids jsonb,
  details jsonb,
  attempt_trace_id text,
  linked_trace_ids text[]
)
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(p_org_ids, p_workspace_id);
  return query
  select bars.*
  from (
    select o.*
    from get_offer_trace(p_trace_id) o
    union all
    select d.*
    from get_delivery_trace(p_trace_id) d
    union all
    select c.*
    from get_credit_trace(p_trace_id) c
    union all
    select 'endpoints', e.endpoint_id, 0, 'endpoint created', e.created_at, e.created_at, false,
      e.status,
      jsonb_build_object('endpoint_id', e.endpoint_id, 'workspace_id', e.workspace_id), '{}', null,
      '{}'
    from endpoints e
    where e.trace_id = p_trace_id
    union all
    select o.*
    from get_outbox_trace(p_trace_id) o
    where p_workspace_id is null
    union all
    select r.*
    from get_repeats_trace(p_trace_id) r
    where p_workspace_id is null
  ) bars
  order by 5, 7, 1, 3;
end;
$$;
