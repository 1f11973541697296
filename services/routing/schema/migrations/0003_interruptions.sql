-- migrate:up
alter table leads
  add column routing_interruption_count int not null default 0
    check (routing_interruption_count >= 0);
comment on column leads.routing_interruption_count is
  'How often a holder let its lease run out; such an attempt is unspent, so no decision tells of it';

-- migrate:down
alter table leads drop column routing_interruption_count;
