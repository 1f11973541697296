-- migrate:up
create index idx_deliveries_workspace_due on deliveries (org_id, workspace_id, due_at, delivery_id)
  where status in ('PENDING', 'IN_PROGRESS') and (waiting_for is null or waiting_for = 'retry');
drop function if exists claim_deliveries(text, uuid, int, int, uuid[], int[], double precision,
  double precision, int, timestamptz, timestamptz);

-- migrate:down
drop index idx_deliveries_workspace_due;
