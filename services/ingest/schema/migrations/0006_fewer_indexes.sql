-- migrate:up

-- Each row of an index is written for every lead or webhook, and again where its row moves.
drop index
  -- A log row's items are found by the delivery, as their key has them: an org has one log row of it.
  idx_webhook_items_log,
  -- Tries have the trace of their item, and are found through it.
  idx_item_attempts_trace,
  -- No trace shows conversations; the messages and leads in them are found by traces of their own.
  idx_conversations_trace,
  -- An item's lead stands in the item.
  idx_leads_item,
  -- What has a provider's id is found among webhook items; of one source the key has it.
  idx_leads_external,
  -- Identities are found by themselves, leads by their contact; nobody asks a contact's identities.
  idx_contact_identities_contact,
  -- The ids of webhooks sort by the time they came.
  idx_webhook_deliveries_received;

-- migrate:down
create index idx_webhook_items_log on webhook_items (org_id, log_id);
create index idx_item_attempts_trace on item_attempts (trace_id);
create index idx_conversations_trace on conversations (trace_id);
create index idx_leads_item on leads (org_id, item_id);
create index idx_leads_external on leads (org_id, external_id);
create index idx_contact_identities_contact on contact_identities (org_id, contact_id);
create index idx_webhook_deliveries_received on webhook_deliveries (received_at);
