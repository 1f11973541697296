-- Every table that the service reaches as itself, and how. Nothing is deleted but what sweeps name,
-- and what moves: an orphan becomes an item.
grant select, insert on
  orgs, apps, source_directory,
  webhook_deliveries, webhook_orphans,
  messages
to waybill_ingest;

grant delete on webhook_orphans to waybill_ingest;

grant select, insert, update on
  app_secrets, sources,
  webhook_delivery_log, webhook_items, item_attempts,
  contacts, contact_identities, conversations, lead_sources, leads
to waybill_ingest;
