-- migrate:up
create index idx_webhook_items_tenant_due on webhook_items (kind, org_id, due_at)
  where status in ('pending', 'processing', 'failed');
drop function if exists claim_webhook_items(text, uuid, int, double precision, timestamptz,
  timestamptz);

-- migrate:down
drop index idx_webhook_items_tenant_due;
