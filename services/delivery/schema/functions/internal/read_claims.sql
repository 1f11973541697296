-- Deliveries that are claimed under p_token, oldest due first: a row for each attempt that was
-- begun, or one without attempt, as claim_deliveries returns them.
-- For use by claim_deliveries, which runs as the system role (no caller has set the tenant) and
-- has locked deliveries and accounts.
create or replace function read_claims(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_due_ats timestamptz[],
  p_token uuid,
  p_now timestamptz
) returns table (
  org_id uuid,
  delivery_id uuid,
  lead_id uuid,
  workspace_id uuid,
  attempt_count int,
  created_at timestamptz,
  due_at timestamptz,
  claim_expires_at timestamptz,
  traceparent text,
  tracestate text,
  payload json,
  accepted_count int,
  failed_count int,
  throttled_count int,
  missed_count int,
  attempt_id uuid,
  attempt_traceparent text,
  previous_traceparent text,
  endpoint_id uuid,
  url text,
  secret_ids uuid[],
  secrets bytea[]
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
begin
  return query
  select d.org_id, d.delivery_id, d.lead_id, d.workspace_id, d.attempt_count, d.created_at,
    n.due_at, d.claim_expires_at, d.traceparent::text, d.tracestate, o.payload,
    c.accepted_count, c.failed_count, c.throttled_count, c.missed_count,
    t.attempt_id, t.attempt_traceparent::text,
    (select b.attempt_traceparent::text from attempts b
      where b.org_id = t.org_id and b.delivery_id = t.delivery_id
        and b.endpoint_id = t.endpoint_id and b.number = t.number - 1),
    t.endpoint_id, e.url, s.secret_ids, s.ciphertexts
  from deliveries d
  join unnest(p_org_ids, p_delivery_ids, p_due_ats) as n (org_id, delivery_id, due_at)
    using (org_id, delivery_id)
  join lead_offers o using (org_id, offer_id)
  cross join lateral (
    select (count(*) filter (where p.status = 'accepted'))::int as accepted_count,
      (count(*) filter (where p.status = 'failed'))::int as failed_count,
      (count(*) filter (where p.status = 'pending' and e.status = 'active'
        and e.throttled_until > p_now))::int as throttled_count,
      (count(*) filter (where p.status = 'pending' and e.status = 'disabled'))::int as missed_count
    from delivery_endpoints p
    join endpoints e using (org_id, endpoint_id)
    where p.org_id = d.org_id and p.delivery_id = d.delivery_id
  ) c
  left join attempts t
    on t.org_id = d.org_id and t.delivery_id = d.delivery_id
      and t.claim_token = p_token -- not a fence: our own claim
  left join endpoints e on e.org_id = t.org_id and e.endpoint_id = t.endpoint_id
  left join lateral (
    select array_agg(s.secret_id order by s.created_at desc, s.secret_id) as secret_ids,
      array_agg(s.ciphertext order by s.created_at desc, s.secret_id) as ciphertexts
    from endpoint_secrets s
    where s.org_id = e.org_id and s.endpoint_id = e.endpoint_id
      and (s.retired_at is null or s.retired_at > p_now)
  ) s on true
  where d.claim_token = p_token -- not a fence: our own claim
  order by n.due_at, d.delivery_id;
end;
$$;
