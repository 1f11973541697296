-- migrate:up

-- Who we work for, and where their input comes from. ------------------------------------------

create table orgs (
  org_id uuid primary key,
  name text not null,
  default_region text not null check (default_region ~ '^[A-Z]{2}$'),
  created_at timestamptz not null,
  trace_id trace_id not null
);
comment on table orgs is 'Tenants';

create table apps (
  app_id uuid primary key,
  external_app_id text not null unique,
  created_at timestamptz not null,
  trace_id trace_id not null
);
comment on table apps is 'Meta apps; one signs the webhooks of many orgs, so it has none';

create table app_secrets (
  app_id uuid not null references apps,
  secret_id uuid not null,
  kind text not null check (kind in ('signing', 'verify_token')),
  ciphertext bytea not null,
  created_at timestamptz not null,
  retired_at timestamptz,
  trace_id trace_id not null,
  primary key (app_id, secret_id)
);
comment on table app_secrets is 'Sealed secrets of apps; several are valid at once while they rotate';

create table sources (
  org_id uuid not null references orgs,
  source_id uuid not null,
  kind text not null
    check (kind in ('api', 'meta_page', 'instagram_account', 'whatsapp_number', 'form')),
  external_id text not null,
  name text not null default '',
  default_region text not null check (default_region ~ '^[A-Z]{2}$'),
  access_token_ciphertext bytea,
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, source_id),
  unique (org_id, kind, external_id)
);
comment on table sources is 'Where input comes from: pages, numbers, forms, the API';

create table source_directory (
  kind text not null,
  external_id text not null,
  owner_org_id uuid not null,
  source_id uuid not null,
  primary key (kind, external_id)
);
comment on table source_directory is
  'Whose a page, account or number is; it spans orgs, so the service role alone reads it';

-- Webhooks as they came in. -------------------------------------------------------------------

create table webhook_deliveries (
  delivery_id uuid primary key,
  app_id uuid not null,
  path text not null,
  headers jsonb not null,
  body bytea not null,
  item_count int not null check (item_count >= 0),
  received_at timestamptz not null,
  trace_id trace_id not null,
  traceparent traceparent not null,
  linked_traceparent traceparent
);
comment on table webhook_deliveries is
  'Raw webhooks: bytes and headers; they span orgs, so the service role alone reads them';
create index idx_webhook_deliveries_trace on webhook_deliveries (trace_id);
create index idx_webhook_deliveries_received on webhook_deliveries (received_at);

create table webhook_orphans (
  delivery_id uuid not null references webhook_deliveries,
  ordinal int not null,
  kind text not null,
  status text not null check (status in ('ignored', 'dead_letter')),
  reason text not null,
  payload json not null,
  received_at timestamptz not null,
  trace_id trace_id not null,
  primary key (delivery_id, ordinal)
);
comment on table webhook_orphans is 'Items of webhooks that concern no org we know';
create index idx_webhook_orphans_trace on webhook_orphans (trace_id);

create table webhook_delivery_log (
  org_id uuid not null references orgs,
  id uuid not null,
  delivery_id uuid not null,
  event_type text not null,
  event_id text not null,
  received_at timestamptz not null,
  status text not null default 'pending'
    check (status in ('pending', 'processing', 'completed', 'failed', 'dead_letter')),
  attempts int not null default 0,
  last_attempt_at timestamptz,
  completed_at timestamptz,
  error_message text,
  job_id uuid,
  item_count int not null,
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, id),
  unique (org_id, delivery_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
comment on table webhook_delivery_log is 'One row for each raw webhook and org that it concerns';
create index idx_webhook_delivery_log_trace on webhook_delivery_log (trace_id);

create table webhook_items (
  org_id uuid not null,
  item_id uuid not null,
  log_id uuid not null,
  delivery_id uuid not null,
  ordinal int not null,
  kind text not null,
  external_id text,
  source_id uuid not null,
  payload json not null,
  status text not null default 'pending' check (status in
    ('pending', 'processing', 'failed', 'stored', 'duplicate', 'ignored', 'dead_letter')),
  reason text,
  attempts int not null default 0,
  replayed_after int not null default 0,
  received_at timestamptz not null,
  due_at timestamptz not null,
  claim_token uuid,
  claimed_at timestamptz,
  claim_expires_at timestamptz,
  settled_at timestamptz,
  lead_id uuid,
  trace_id trace_id not null,
  traceparent traceparent not null,
  linked_traceparent traceparent not null,
  primary key (org_id, item_id),
  unique (org_id, delivery_id, ordinal),
  foreign key (org_id, log_id) references webhook_delivery_log,
  foreign key (org_id, source_id) references sources
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
comment on table webhook_items is 'The updates in a webhook, each with a fate of its own';
create index idx_webhook_items_due on webhook_items (kind, due_at)
  where status in ('pending', 'processing', 'failed');
create index idx_webhook_items_log on webhook_items (org_id, log_id);
create index idx_webhook_items_external on webhook_items (org_id, external_id);
create index idx_webhook_items_trace on webhook_items (trace_id);

create table item_attempts (
  org_id uuid not null,
  item_id uuid not null,
  number int not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  outcome text,
  error text,
  trace_id trace_id not null,
  attempt_trace_id trace_id,
  primary key (org_id, item_id, number),
  foreign key (org_id, item_id) references webhook_items
);
comment on table item_attempts is 'Each try of a webhook item';
create index idx_item_attempts_trace on item_attempts (trace_id);

-- Who asked for what. -------------------------------------------------------------------------

create table contacts (
  org_id uuid not null references orgs,
  contact_id uuid not null,
  display_name text not null default '',
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, contact_id)
);
comment on table contacts is 'Persons, known by their identities';

create table contact_identities (
  org_id uuid not null,
  kind text not null check (kind in ('phone', 'email', 'wa_id', 'bsuid', 'psid', 'igsid')),
  value text not null check (value <> ''),
  contact_id uuid not null,
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, kind, value),
  foreign key (org_id, contact_id) references contacts deferrable initially deferred
);
comment on table contact_identities is
  'What a person is known by: E.164 phone, lower-case e-mail, ids of platforms';
create index idx_contact_identities_contact on contact_identities (org_id, contact_id);

create table conversations (
  org_id uuid not null,
  conversation_id uuid not null,
  source_id uuid not null,
  contact_id uuid not null,
  status text not null default 'open' check (status in ('open', 'closed')),
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, conversation_id),
  foreign key (org_id, source_id) references sources,
  foreign key (org_id, contact_id) references contacts
);
comment on table conversations is 'What a contact and the org say to each other over one source';
create unique index idx_conversations_open on conversations (org_id, source_id, contact_id)
  where status = 'open';
create index idx_conversations_trace on conversations (trace_id);

create table messages (
  org_id uuid not null,
  message_id uuid not null,
  conversation_id uuid not null,
  source_id uuid not null,
  external_id text,
  direction text not null check (direction in ('in', 'out')),
  body text not null,
  sent_at timestamptz,
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, message_id),
  unique (org_id, source_id, external_id),
  foreign key (org_id, conversation_id) references conversations
);
comment on table messages is 'Messages, each once by the provider''s id';
create index idx_messages_trace on messages (trace_id);

create table lead_sources (
  org_id uuid not null,
  source_id uuid not null,
  external_id text not null,
  item_id uuid not null,
  lead_id uuid,
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, source_id, external_id)
);
comment on table lead_sources is 'Which webhook item makes the lead that a provider names; one only';

create table leads (
  org_id uuid not null,
  lead_id uuid not null,
  source_id uuid not null,
  contact_id uuid not null,
  conversation_id uuid not null,
  item_id uuid,
  external_id text,
  type text not null
    check (type in ('order', 'inquiry', 'quote', 'appointment', 'support', 'other')),
  phone text not null default '',
  phone_raw text not null default '',
  email text not null default '',
  full_name text not null default '',
  details text not null default '',
  answers jsonb not null default '[]',
  consents jsonb not null default '{}',
  received_at timestamptz not null,
  created_at timestamptz not null,
  trace_id trace_id not null,
  traceparent traceparent not null,
  primary key (org_id, lead_id),
  unique (org_id, source_id, external_id),
  foreign key (org_id, source_id) references sources,
  foreign key (org_id, contact_id) references contacts,
  foreign key (org_id, conversation_id) references conversations
);
comment on table leads is 'Expressions of interest, one each';
create index idx_leads_trace on leads (trace_id);
create index idx_leads_contact on leads (org_id, contact_id);
create index idx_leads_external on leads (org_id, external_id);
create index idx_leads_item on leads (org_id, item_id);

-- migrate:down
drop table leads;
drop table lead_sources;
drop table messages;
drop table conversations;
drop table contact_identities;
drop table contacts;
drop table item_attempts;
drop table webhook_items;
drop table webhook_delivery_log;
drop table webhook_orphans;
drop table webhook_deliveries;
drop table source_directory;
drop table sources;
drop table app_secrets;
drop table apps;
drop table orgs;
