-- migrate:up
alter table leads
  add column routing_interruption_count int not null default 0
    check (routing_interruption_count >= 0);
comment on column leads.routing_interruption_count is
  'How often a holder let its lease run out; such an attempt is unspent, so no decision tells of it';
create index idx_leads_tenant_due on leads (org_id, due_at) where due_at is not null;

-- migrate:down
drop index idx_leads_tenant_due;
alter table leads drop column routing_interruption_count;
