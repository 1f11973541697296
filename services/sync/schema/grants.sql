-- Every table that the service reaches as itself, and how. Events and conversations are never
-- deleted; of leases only an ended one goes.
grant select, insert, update on
  pages, sync_state, sync_runs, messenger_conversations, contact_interaction_events, sync_ledger,
  call_budgets, told_events, listed_threads
to waybill_sync;

grant select, insert, update, delete on
  sync_locks
to waybill_sync;

grant select, insert on
  sync_rejects
to waybill_sync;

grant select on
  active_syncs, sync_statistics
to waybill_sync;

grant usage on type
  conversation_to_store, event_to_store, page_event, thread_read, reject_to_store
to waybill_sync;
