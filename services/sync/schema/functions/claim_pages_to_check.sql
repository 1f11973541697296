-- runs as: system
-- Claims pages over all tenants whose health is due to be checked, longest due first; one that
-- save_page_check does not report is due again after p_lease_seconds.
-- tested by: test_save_page_check.py
create or replace function claim_pages_to_check(
  p_limit int,
  p_lease_seconds double precision,
  p_now timestamptz default now()
) returns table (
  org_id uuid,
  page_id uuid,
  platform text,
  facebook_page_id text,
  external_app_id text,
  access_token_ciphertext bytea,
  last_webhook_at timestamptz
)
language sql
security definer
set search_path from current
as $$
  with due as materialized (
    select p.org_id, p.page_id
    from pages p
    where p.token_status in ('unknown', 'good') and p.check_due_at <= p_now
    order by p.check_due_at
    limit p_limit
    for update skip locked
  )
  update pages p
  set check_due_at = p_now + make_interval(secs => p_lease_seconds)
  from due d
  where p.org_id = d.org_id and p.page_id = d.page_id
  returning p.org_id, p.page_id, p.platform, p.facebook_page_id, p.external_app_id,
    p.access_token_ciphertext, p.last_webhook_at;
$$;
