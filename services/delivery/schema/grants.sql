-- Every table that the service reaches as itself, and how. Of the ledger and of events nothing is
-- ever changed; an attempt is deleted only when it is returned before it was made.
grant select, insert on
  lead_events, credit_transactions
to waybill_delivery;

grant select on credit_entries to waybill_delivery;

grant select, insert, update on
  workspaces, endpoints, endpoint_secrets,
  lead_offers, deliveries, delivery_waits, delivery_endpoints,
  credit_accounts, credit_holds
to waybill_delivery;

grant select, insert, update, delete on attempts to waybill_delivery;
