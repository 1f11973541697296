-- migrate:up

-- Where leads can go, and which go where. -------------------------------------------------------

create table workspaces (
  org_id uuid not null,
  workspace_id uuid not null,
  name text not null check (length(name) between 1 and 200),
  offer_policy text not null check (offer_policy in ('direct', 'manual')),
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, workspace_id)
);
comment on table workspaces is 'Destinations inside an org: partners or buyers';
create index idx_workspaces_trace on workspaces (trace_id);

create table rules (
  org_id uuid not null,
  rule_id uuid not null,
  version int not null check (version >= 1),
  workspace_id uuid not null,
  name text not null check (length(name) between 1 and 200),
  priority int not null check (priority between 0 and 1000000),
  condition text not null check (length(condition) between 1 and 4000),
  enabled boolean not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, rule_id),
  foreign key (org_id, workspace_id) references workspaces
);
comment on table rules is 'Conditions and where what matches them goes, as they stand now';
create index idx_rules_order on rules (org_id, priority, rule_id);
create index idx_rules_workspace on rules (org_id, workspace_id);

create table rule_versions (
  org_id uuid not null,
  rule_id uuid not null,
  version int not null,
  workspace_id uuid not null,
  name text not null,
  priority int not null,
  condition text not null,
  enabled boolean not null,
  published_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, rule_id, version),
  foreign key (org_id, rule_id) references rules
);
comment on table rule_versions is 'Every version of every rule that was ever published; append-only';
create index idx_rule_versions_trace on rule_versions (trace_id);

-- Leads, as ingest handed them over. ------------------------------------------------------------

create table leads (
  org_id uuid not null,
  lead_id uuid not null,
  source_id uuid not null,
  phone text not null default '',
  email text not null default '',
  facts jsonb not null,
  received_at timestamptz not null,
  enqueued_at timestamptz not null,
  routing_status text not null default 'pending'
    check (routing_status in ('pending', 'routing', 'routed', 'failed', 'expired')),
  due_at timestamptz,
  routing_locked_by text,
  routing_locked_at timestamptz,
  routing_lock_token uuid,
  routing_lock_expires_at timestamptz,
  routing_attempts int not null default 0 check (routing_attempts >= 0),
  routing_error text,
  routing_last_attempted_at timestamptz,
  routing_attempt_traceparent traceparent,
  dedupe_hash text,
  dedupe_hash_count int not null default 0,
  dedupe_until timestamptz,
  lead_expires_at timestamptz not null,
  workspace_id uuid,
  decided_at timestamptz,
  trace_id trace_id not null,
  traceparent traceparent not null,
  tracestate text not null default '',
  primary key (org_id, lead_id),
  foreign key (org_id, workspace_id) references workspaces
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
comment on table leads is 'Leads to route: what rules look at, and where their routing stands';
comment on column leads.due_at is
  'When routing may take it up: at once, at the lease''s end, at the next retry; null: never';
create index idx_leads_due on leads (due_at) where due_at is not null;
create index idx_leads_expiring on leads (lead_expires_at) where due_at is not null;
create index idx_leads_trace on leads (trace_id);
create index idx_leads_phone on leads (org_id, phone) where phone <> '';
create index idx_leads_email on leads (org_id, email) where email <> '';
create index idx_leads_workspace on leads (workspace_id, enqueued_at);
create index idx_leads_id on leads (lead_id);

create table lead_routing_queue (
  org_id uuid not null,
  lead_id uuid not null,
  attempt int not null,
  next_retry_at timestamptz not null,
  error text not null,
  enqueued_at timestamptz not null,
  trace_id trace_id not null,
  traceparent traceparent not null,
  tracestate text not null default '',
  primary key (org_id, lead_id),
  foreign key (org_id, lead_id) references leads
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
comment on table lead_routing_queue is 'Leads whose last attempt failed and that wait for the next';
create index idx_lead_routing_queue_trace on lead_routing_queue (trace_id);

create table lead_routing_logs (
  org_id uuid not null,
  lead_id uuid not null,
  attempt int not null check (attempt >= 1),
  outcome text not null check (outcome in ('routed', 'duplicate', 'no_match', 'error')),
  error text,
  rule_id uuid,
  rule_version int,
  workspace_id uuid,
  holder_lead_id uuid,
  candidates jsonb not null,
  inputs jsonb not null,
  worker text,
  started_at timestamptz not null,
  decided_at timestamptz not null,
  retry_at timestamptz,
  trace_id trace_id not null,
  attempt_trace_id trace_id not null,
  attempt_traceparent traceparent not null,
  primary key (org_id, lead_id, attempt),
  foreign key (org_id, lead_id) references leads
);
comment on table lead_routing_logs is
  'Every decision on a lead, with all that it rests on; append-only, and no personal data';
create index idx_lead_routing_logs_trace on lead_routing_logs (trace_id);

create table lead_dedupe_hashes (
  org_id uuid not null,
  hash text collate "C" not null check (hash ~ '^v[0-9]+:[a-z]+:[0-9a-f]{64}$'),
  lead_id uuid not null,
  workspace_id uuid not null,
  claimed_at timestamptz not null,
  until timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, hash),
  foreign key (org_id, lead_id) references leads
) with (fillfactor = 70);
comment on table lead_dedupe_hashes is
  'Which lead holds a person''s keyed hash; the key is what lets one of two equal leads through';
create index idx_lead_dedupe_hashes_lead on lead_dedupe_hashes (lead_id);
create index idx_lead_dedupe_hashes_trace on lead_dedupe_hashes (trace_id);

create type held_lead as (
  org_id uuid,
  lead_id uuid,
  attempt int,
  worker text,
  locked_at timestamptz,
  trace_id text,
  traceparent text,
  tracestate text
);
comment on type held_lead is 'A lead that a worker holds, locked for the running transaction';

-- migrate:down
drop type held_lead;
drop table lead_dedupe_hashes;
drop table lead_routing_logs;
drop table lead_routing_queue;
drop table leads;
drop table rule_versions;
drop table rules;
drop table workspaces;
