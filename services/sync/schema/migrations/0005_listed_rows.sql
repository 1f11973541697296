-- A page of rejects is read where it begins, instead of sorting all of the org's; what edits a message
-- or takes it back is found by the message, instead of among all events of its conversation.

-- migrate:up
create index idx_sync_rejects_created on sync_rejects (org_id, created_at desc, reject_id desc);
create index idx_contact_interaction_events_changes
  on contact_interaction_events (org_id, conversation_id, target)
  where type in ('edit', 'delete');

-- migrate:down
drop index idx_contact_interaction_events_changes;
drop index idx_sync_rejects_created;
