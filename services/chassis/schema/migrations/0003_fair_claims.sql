-- migrate:up
create index idx_outbox_tenant_due on outbox (topic, org_id, due_at) where status = 'pending';

-- migrate:down
drop index idx_outbox_tenant_due;
