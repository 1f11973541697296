-- Every table that the service reaches as itself, and how. What was decided or published is never
-- changed; a row that waits for a retry is deleted only by the retry.
grant select, insert on
  workspaces, rule_versions, lead_facts, lead_routing_logs
to waybill_routing;

grant select, insert, update on
  rules, leads, lead_dedupe_hashes
to waybill_routing;

grant select, insert, delete on
  lead_routing_queue
to waybill_routing;
