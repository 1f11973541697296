-- migrate:up

-- What an item needs that its source be found later; orphans from before know no source.
alter table webhook_orphans
  add column item_id uuid not null default gen_random_uuid(),
  add column external_id text,
  add column source_kind text,
  add column source_external_id text,
  add column traceparent traceparent;
alter table webhook_orphans alter column item_id drop default;
update webhook_orphans
set traceparent = '00-' || trace_id || '-' || substr(md5(item_id::text), 1, 16) || '-00';
alter table webhook_orphans alter column traceparent set not null;
create unique index idx_webhook_orphans_item on webhook_orphans (item_id);
create index idx_webhook_orphans_source on webhook_orphans (source_kind, source_external_id, item_id);
create index idx_webhook_orphans_external on webhook_orphans (external_id);

-- migrate:down
alter table webhook_orphans
  drop column item_id,
  drop column external_id,
  drop column source_kind,
  drop column source_external_id,
  drop column traceparent;
