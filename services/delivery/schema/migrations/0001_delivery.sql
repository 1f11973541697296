-- migrate:up

-- Who receives, and where. --------------------------------------------------------------------

create table workspaces (
  org_id uuid not null,
  workspace_id uuid not null,
  offer_policy text not null check (offer_policy in ('direct', 'manual')),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, workspace_id)
);
comment on table workspaces is 'Delivery''s own copy of what routing owns';
create index idx_workspaces_trace on workspaces (trace_id);

create table endpoints (
  org_id uuid not null,
  endpoint_id uuid not null,
  workspace_id uuid not null,
  url text not null check (length(url) between 1 and 2000),
  status text not null default 'active' check (status in ('active', 'disabled')),
  disabled_reason text,
  throttled_until timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, endpoint_id),
  foreign key (org_id, workspace_id) references workspaces
);
comment on table endpoints is 'Where a workspace receives its leads';
create index idx_endpoints_workspace on endpoints (org_id, workspace_id, endpoint_id);
create index idx_endpoints_trace on endpoints (trace_id);

create table endpoint_secrets (
  org_id uuid not null,
  endpoint_id uuid not null,
  secret_id uuid not null,
  workspace_id uuid not null,
  ciphertext bytea not null,
  created_at timestamptz not null,
  retired_at timestamptz,
  trace_id trace_id not null,
  primary key (org_id, endpoint_id, secret_id),
  foreign key (org_id, endpoint_id) references endpoints
);
comment on table endpoint_secrets is 'Sealed signing secrets; several sign while they rotate';
create index idx_endpoint_secrets_trace on endpoint_secrets (trace_id);

-- What is offered. ----------------------------------------------------------------------------

create table lead_offers (
  org_id uuid not null,
  offer_id uuid not null,
  lead_id uuid not null,
  workspace_id uuid not null,
  status text not null check (status in (
    'PENDING_MAPPING', 'TO_BE_CONTACTED', 'CONTACTED', 'ENGAGED', 'QUALIFYING', 'SCORED',
    'LEAD_READY', 'SENT_TO_DEVELOPER', 'COOLING', 'REACTIVATION', 'DISQUALIFIED', 'STOPPED',
    'HUMAN_HANDOFF')),
  step_count int not null default 0,
  payload json not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  trace_id trace_id not null,
  traceparent traceparent not null,
  tracestate text not null default '',
  primary key (org_id, offer_id),
  unique (org_id, lead_id, workspace_id),
  foreign key (org_id, workspace_id) references workspaces
) with (fillfactor = 70);
comment on table lead_offers is 'Leads offered to workspaces; the 13-state machine';
create index idx_lead_offers_workspace on lead_offers (org_id, workspace_id, offer_id);
create index idx_lead_offers_trace on lead_offers (trace_id);

create table lead_events (
  org_id uuid not null,
  offer_id uuid not null,
  ordinal int not null,
  workspace_id uuid not null,
  from_status text,
  to_status text not null,
  actor text not null,
  occurred_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, offer_id, ordinal),
  foreign key (org_id, offer_id) references lead_offers
);
comment on table lead_events is 'Every step of every offer';
create index idx_lead_events_trace on lead_events (trace_id);

-- How it is delivered. ------------------------------------------------------------------------

create table deliveries (
  org_id uuid not null,
  delivery_id uuid not null,
  offer_id uuid not null,
  lead_id uuid not null,
  workspace_id uuid not null,
  status text not null default 'PENDING' check (status in
    ('PENDING', 'IN_PROGRESS', 'DELIVERED', 'PARTIAL', 'FAILED', 'DEAD_LETTER')),
  waiting_for text check (waiting_for in ('credit', 'endpoint', 'retry')),
  reason text,
  attempt_count int not null default 0 check (attempt_count >= 0),
  created_at timestamptz not null,
  due_at timestamptz not null,
  claim_token uuid,
  claimed_by text,
  claimed_at timestamptz,
  claim_expires_at timestamptz,
  completed_at timestamptz,
  trace_id trace_id not null,
  traceparent traceparent not null,
  tracestate text not null default '',
  primary key (org_id, delivery_id),
  unique (org_id, offer_id),
  foreign key (org_id, offer_id) references lead_offers
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
comment on table deliveries is
  'Sending one offer to a workspace''s endpoints; delivery_id is the webhook-id of every attempt';
create index idx_deliveries_due on deliveries (due_at, delivery_id)
  where status in ('PENDING', 'IN_PROGRESS') and (waiting_for is null or waiting_for = 'retry');
create index idx_deliveries_parked on deliveries (org_id, workspace_id, waiting_for, delivery_id)
  where waiting_for in ('credit', 'endpoint');
create index idx_deliveries_workspace on deliveries (org_id, workspace_id, delivery_id);
create index idx_deliveries_status on deliveries (org_id, status, delivery_id);
create index idx_deliveries_trace on deliveries (trace_id);

create table delivery_waits (
  org_id uuid not null,
  wait_id uuid not null,
  delivery_id uuid not null,
  workspace_id uuid not null,
  waiting_for text not null check (waiting_for in ('credit', 'endpoint')),
  started_at timestamptz not null,
  ended_at timestamptz,
  trace_id trace_id not null,
  primary key (org_id, wait_id),
  foreign key (org_id, delivery_id) references deliveries
);
comment on table delivery_waits is 'When a delivery waited for a credit or an endpoint';
create unique index idx_delivery_waits_open on delivery_waits (org_id, delivery_id)
  where ended_at is null;
create index idx_delivery_waits_trace on delivery_waits (trace_id);

create table delivery_endpoints (
  org_id uuid not null,
  delivery_id uuid not null,
  endpoint_id uuid not null,
  workspace_id uuid not null,
  status text not null default 'pending' check (status in ('pending', 'accepted', 'failed')),
  attempt_count int not null default 0,
  last_outcome text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, delivery_id, endpoint_id),
  foreign key (org_id, delivery_id) references deliveries,
  foreign key (org_id, endpoint_id) references endpoints
) with (fillfactor = 70);
comment on table delivery_endpoints is 'How far a delivery is with each endpoint';
create index idx_delivery_endpoints_trace on delivery_endpoints (trace_id);

-- What is paid. -------------------------------------------------------------------------------

create table credit_accounts (
  org_id uuid not null,
  workspace_id uuid not null,
  available int not null default 0 check (available >= 0),
  held int not null default 0 check (held >= 0),
  consumed int not null default 0 check (consumed >= 0),
  granted int not null default 0 check (granted >= 0),
  version bigint not null default 0,
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, workspace_id),
  foreign key (org_id, workspace_id) references workspaces,
  check (available + held + consumed = granted)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01);
comment on table credit_accounts is
  'A workspace''s credits; its row is also the lock on what the workspace waits for';
create index idx_credit_accounts_trace on credit_accounts (trace_id);

create table credit_holds (
  org_id uuid not null,
  hold_id uuid not null,
  workspace_id uuid not null,
  delivery_id uuid not null,
  status text not null default 'live' check (status in ('live', 'captured', 'released', 'expired')),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  resolved_at timestamptz,
  trace_id trace_id not null,
  primary key (org_id, hold_id),
  foreign key (org_id, workspace_id) references credit_accounts,
  foreign key (org_id, delivery_id) references deliveries
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
comment on table credit_holds is 'A credit set aside for one delivery while it is sent';
create unique index idx_credit_holds_live on credit_holds (org_id, delivery_id)
  where status = 'live';
create index idx_credit_holds_expiry on credit_holds (expires_at) where status = 'live';
create index idx_credit_holds_trace on credit_holds (trace_id);

create table credit_transactions (
  org_id uuid not null,
  transaction_id uuid not null,
  workspace_id uuid not null,
  type text not null check (type in
    ('CREDIT_GRANT', 'CREDIT_HOLD', 'CREDIT_RELEASE', 'CREDIT_CONSUMPTION')),
  delivery_id uuid,
  hold_id uuid,
  reason text not null default '' check (length(reason) <= 200),
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, transaction_id),
  foreign key (org_id, workspace_id) references credit_accounts,
  foreign key (org_id, delivery_id) references deliveries,
  foreign key (org_id, hold_id) references credit_holds,
  check (type = 'CREDIT_GRANT' or delivery_id is not null)
);
comment on table credit_transactions is 'Every movement of credits; append only';
create unique index idx_credit_transactions_consumption on credit_transactions (org_id, delivery_id)
  where type = 'CREDIT_CONSUMPTION';
create index idx_credit_transactions_trace on credit_transactions (trace_id);

create table credit_entries (
  org_id uuid not null,
  entry_id uuid not null,
  transaction_id uuid not null,
  workspace_id uuid not null,
  account text not null check (account in ('available', 'held', 'consumed', 'granted')),
  amount int not null check (amount <> 0),
  balance_after int not null check (case account
    when 'granted' then balance_after <= 0 else balance_after >= 0 end),
  version bigint not null,
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, entry_id),
  unique (org_id, workspace_id, version, account),
  foreign key (org_id, transaction_id) references credit_transactions
);
comment on table credit_entries is
  'Both sides of each transaction; granted is where credits come from, so it goes below zero';
create index idx_credit_entries_transaction on credit_entries (org_id, transaction_id);
create index idx_credit_entries_trace on credit_entries (trace_id);

create table attempts (
  org_id uuid not null,
  attempt_id uuid not null,
  delivery_id uuid not null,
  endpoint_id uuid not null,
  workspace_id uuid not null,
  number int not null check (number >= 1),
  claim_token uuid not null,
  hold_id uuid not null,
  outcome text check (outcome in
    ('accepted', 'retry', 'throttled', 'rejected', 'returned', 'redirected', 'gone', 'unknown')),
  status_code int,
  error text,
  answer_excerpt text check (octet_length(answer_excerpt) <= 512),
  started_at timestamptz not null,
  ended_at timestamptz,
  trace_id trace_id not null,
  attempt_traceparent traceparent not null,
  primary key (org_id, attempt_id),
  unique (org_id, delivery_id, endpoint_id, number),
  foreign key (org_id, delivery_id, endpoint_id) references delivery_endpoints,
  foreign key (org_id, hold_id) references credit_holds,
  check ((outcome is null) = (ended_at is null))
) with (fillfactor = 70);
comment on table attempts is
  'Every try at an endpoint; without an outcome while it goes on, trace of its own beside ours';
create index idx_attempts_open on attempts (org_id, delivery_id) where outcome is null;
create index idx_attempts_trace on attempts (trace_id);

-- migrate:down
drop table attempts;
drop table credit_entries;
drop table credit_transactions;
drop table credit_holds;
drop table credit_accounts;
drop table delivery_endpoints;
drop table delivery_waits;
drop table deliveries;
drop table lead_events;
drop table lead_offers;
drop table endpoint_secrets;
drop table endpoints;
drop table workspaces;
