-- migrate:up

-- What waits is what is not settled. With settled_at as the condition a claim changes no column that
-- an index knows (status and due_at were), and the row's new version needs no new index entries.
alter table webhook_items add constraint webhook_items_settled_at_check
  check ((settled_at is null) = (status in ('pending', 'processing', 'failed')));
create index idx_webhook_items_open on webhook_items (kind, due_at) where settled_at is null;
create index idx_webhook_items_tenant_open on webhook_items (kind, org_id, due_at)
  where settled_at is null;
drop index idx_webhook_items_due, idx_webhook_items_tenant_due;

-- migrate:down
create index idx_webhook_items_due on webhook_items (kind, due_at)
  where status in ('pending', 'processing', 'failed');
create index idx_webhook_items_tenant_due on webhook_items (kind, org_id, due_at)
  where status in ('pending', 'processing', 'failed');
drop index idx_webhook_items_open, idx_webhook_items_tenant_open;
alter table webhook_items drop constraint webhook_items_settled_at_check;
