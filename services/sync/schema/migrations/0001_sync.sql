-- migrate:up

-- Pages, and who may pull them. ------------------------------------------------------------------

create table pages (
  org_id uuid not null,
  page_id uuid not null,
  platform text not null check (platform in ('messenger', 'instagram')),
  facebook_page_id text collate "C" not null check (facebook_page_id <> ''),
  name text not null default '',
  external_app_id text not null default '',
  access_token_ciphertext bytea,
  token_status text not null default 'missing'
    check (token_status in ('missing', 'unknown', 'good', 'dead', 'forbidden')),
  token_error text,
  token_checked_at timestamptz,
  subscription_status text not null default 'unknown'
    check (subscription_status in ('unknown', 'subscribed', 'repaired', 'failed')),
  subscription_error text,
  subscription_checked_at timestamptz,
  check_due_at timestamptz not null,
  last_webhook_at timestamptz,
  last_synced_at timestamptz,
  watermark_at timestamptz,
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, page_id),
  unique (org_id, platform, facebook_page_id)
) with (fillfactor = 70);
comment on table pages is 'Pages and Instagram accounts, with their sealed tokens and their health';
comment on column pages.watermark_at is
  'Everything that Meta''s list showed as updated before it was proven to be read; null: never';
create index idx_pages_check_due on pages (check_due_at)
  where token_status in ('unknown', 'good');

create table sync_locks (
  org_id uuid not null,
  page_id uuid not null,
  locked_by text not null,
  locked_at timestamptz not null,
  expires_at timestamptz not null,
  token uuid not null,
  session_id uuid,
  trace_id trace_id not null,
  primary key (org_id, page_id),
  foreign key (org_id, page_id) references pages
) with (fillfactor = 70);
comment on table sync_locks is
  'The lease on a page: whoever holds its token, and nobody else, writes what a pull brings';
create index idx_sync_locks_expires on sync_locks (expires_at);

create table sync_state (
  org_id uuid not null,
  session_id uuid not null,
  page_id uuid not null,
  mode text not null check (mode in ('manual', 'full', 'incremental')),
  status text not null
    check (status in ('running', 'paused', 'completed', 'failed', 'superseded')),
  version int not null default 1 check (version >= 1),
  phase text not null check (phase in ('list', 'messages', 'seek', 'head', 'done')),
  position jsonb not null,
  calls int not null default 0,
  conversations_seen int not null default 0,
  conversations_new int not null default 0,
  messages_seen int not null default 0,
  messages_new int not null default 0,
  rejected int not null default 0,
  completeness text check (completeness in ('full', 'to_overlap', 'partial')),
  error text,
  failures int not null default 0,
  due_at timestamptz,
  started_at timestamptz not null,
  updated_at timestamptz not null,
  ended_at timestamptz,
  trace_id trace_id not null,
  traceparent traceparent not null,
  tracestate text not null default '',
  primary key (org_id, session_id),
  foreign key (org_id, page_id) references pages
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
comment on table sync_state is
  'Sync sessions: how far each came. Written with the rows that it brought, in one transaction';
comment on column sync_state.due_at is
  'When a background session goes on; null: it has ended, or its caller goes on with it';
create unique index idx_sync_state_open on sync_state (org_id, page_id)
  where status in ('running', 'paused');
create index idx_sync_state_due on sync_state (due_at) where due_at is not null;
create index idx_sync_state_trace on sync_state (trace_id);

create table sync_runs (
  org_id uuid not null,
  run_id uuid not null,
  session_id uuid not null,
  page_id uuid not null,
  number int not null,
  locked_by text not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  outcome text,
  error text,
  calls int not null default 0,
  trace_id trace_id not null,
  attempt_trace_id trace_id not null,
  primary key (org_id, run_id),
  foreign key (org_id, session_id) references sync_state
);
comment on table sync_runs is
  'Each stretch of a session under one lease; its id is the lease''s token';
create index idx_sync_runs_unended on sync_runs (org_id, page_id) where ended_at is null;
create index idx_sync_runs_session on sync_runs (org_id, session_id);
create index idx_sync_runs_trace on sync_runs (trace_id);

create table call_budgets (
  scope text not null check (scope in ('page', 'app')),
  key text collate "C" not null,
  next_call_at timestamptz not null,
  usage_percent int not null default 0,
  usage_seen_at timestamptz,
  blocked_until timestamptz,
  blocked_for text,
  primary key (scope, key)
) with (fillfactor = 70);
comment on table call_budgets is
  'What Meta''s limits leave of calls, by page and by app; limits know no orgs, so it has none';

-- What was said. ---------------------------------------------------------------------------------

create table messenger_conversations (
  org_id uuid not null,
  conversation_id uuid not null,
  page_id uuid not null,
  contact_external_id text collate "C" not null check (contact_external_id <> ''),
  thread_id text collate "C",
  contact_name text not null default '',
  status text not null default 'open' check (status in ('open', 'closed')),
  version int not null default 1 check (version >= 1),
  completeness text not null default 'partial'
    check (completeness in ('full', 'to_overlap', 'truncated_20', 'partial')),
  message_count int not null default 0,
  listed_at timestamptz,
  active_at timestamptz not null,
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, conversation_id),
  foreign key (org_id, page_id) references pages
) with (fillfactor = 70);
comment on table messenger_conversations is 'What a page and a person say to each other';
comment on column messenger_conversations.listed_at is
  'updated_time of Meta''s newest list entry that was read; null: only webhooks told of it';
create unique index idx_messenger_conversations_contact
  on messenger_conversations (org_id, page_id, contact_external_id);
create index idx_messenger_conversations_thread on messenger_conversations (org_id, page_id, thread_id);
create index idx_messenger_conversations_active
  on messenger_conversations (org_id, active_at desc, conversation_id desc);
create index idx_messenger_conversations_trace on messenger_conversations (trace_id);

create table contact_interaction_events (
  org_id uuid not null,
  event_id uuid not null,
  scope text collate "C" not null,
  page_id uuid,
  conversation_id uuid,
  lead_id uuid,
  subject_id uuid,
  type text collate "C" not null check (length(type) between 1 and 100),
  direction text not null check (direction in ('in', 'out', 'none')),
  actor text collate "C" not null default '',
  target text collate "C" not null default '',
  message_id text collate "C" check (message_id <> ''),
  occurred_at timestamptz not null,
  content_hash text collate "C" not null,
  content_at timestamptz not null,
  text text not null default '',
  payload jsonb not null default '{}',
  seen_by_webhook boolean not null default false,
  seen_by_pull boolean not null default false,
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, event_id),
  foreign key (org_id, conversation_id) references messenger_conversations
) with (fillfactor = 85);
comment on table contact_interaction_events is
  'Everything that happened between contacts and the org, each once, whoever told of it first';
comment on column contact_interaction_events.scope is
  'Whose ids message_id is one of: a page''s id, or the service that told';
comment on column contact_interaction_events.content_at is
  'How new the text and payload are; the newest telling wins, in whatever order they come';
create unique index idx_unique_event_by_message
  on contact_interaction_events (org_id, scope, message_id)
  where message_id is not null;
create unique index idx_unique_event_by_timestamp
  on contact_interaction_events (org_id, scope, type, actor, target, occurred_at, content_hash)
  where message_id is null;
create index idx_contact_interaction_events_conversation
  on contact_interaction_events (org_id, conversation_id, occurred_at desc, event_id desc);
create index idx_contact_interaction_events_lead on contact_interaction_events (org_id, lead_id)
  where lead_id is not null;
create index idx_contact_interaction_events_told on contact_interaction_events (trace_id)
  where seen_by_webhook or page_id is null;

create table told_events (
  org_id uuid not null,
  event_id uuid not null,
  teller text not null check (teller in ('ingest', 'scheduling', 'delivery')),
  page_id uuid,
  type text not null,
  outcome text not null check (outcome in ('stored', 'duplicate', 'rejected')),
  told_at timestamptz not null,
  recorded_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, event_id)
);
comment on table told_events is
  'What other services told, each once by the teller''s id, and what became of it';
create index idx_told_events_trace on told_events (trace_id);
create index idx_told_events_page on told_events (org_id, page_id);

create table sync_rejects (
  org_id uuid not null,
  reject_id uuid not null,
  page_id uuid not null,
  origin text not null check (origin in ('webhook', 'pull')),
  kind text not null check (kind in ('conversation', 'participant', 'message', 'event')),
  reason text not null,
  raw_hash text collate "C" not null,
  raw json not null,
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, reject_id),
  unique (org_id, page_id, origin, kind, raw_hash),
  foreign key (org_id, page_id) references pages
);
comment on table sync_rejects is 'What could not be read, each once, as it came';
create index idx_sync_rejects_trace on sync_rejects (trace_id);

create table sync_ledger (
  org_id uuid not null,
  page_id uuid not null,
  day date not null,
  origin text not null check (origin in ('webhook', 'pull')),
  received int not null default 0,
  stored int not null default 0,
  duplicate int not null default 0,
  rejected int not null default 0,
  primary key (org_id, page_id, day, origin),
  foreign key (org_id, page_id) references pages
) with (fillfactor = 70);
comment on table sync_ledger is
  'Of what was received of a page, what became; written with the rows it counts';

-- With the reader's rights, so that policies decide what is seen.
create view active_syncs with (security_invoker = true) as
  select s.org_id, s.session_id, s.page_id, p.platform, p.facebook_page_id, s.mode, s.status,
    s.phase, s.calls, s.conversations_seen, s.conversations_new, s.messages_seen, s.messages_new,
    s.rejected, s.error, s.due_at, s.started_at, s.updated_at, s.trace_id, l.locked_by, l.locked_at,
    l.expires_at
  from sync_state s
  join pages p using (org_id, page_id)
  left join sync_locks l on l.org_id = s.org_id and l.session_id = s.session_id
  where s.status in ('running', 'paused');

create view sync_statistics with (security_invoker = true) as
  select p.org_id, p.page_id, p.platform, p.facebook_page_id,
    c.conversations, c.conversations_full, c.conversations_truncated, c.conversations_partial,
    l.webhook_received, l.webhook_stored, l.webhook_duplicate, l.webhook_rejected,
    l.pull_received, l.pull_stored, l.pull_duplicate, l.pull_rejected,
    s.syncs_completed, s.syncs_failed
  from pages p
  cross join lateral (
    select count(*) as conversations,
      count(*) filter (where m.completeness in ('full', 'to_overlap')) as conversations_full,
      count(*) filter (where m.completeness = 'truncated_20') as conversations_truncated,
      count(*) filter (where m.completeness = 'partial') as conversations_partial
    from messenger_conversations m
    where m.org_id = p.org_id and m.page_id = p.page_id) c
  cross join lateral (
    select coalesce(sum(d.received) filter (where d.origin = 'webhook'), 0) as webhook_received,
      coalesce(sum(d.stored) filter (where d.origin = 'webhook'), 0) as webhook_stored,
      coalesce(sum(d.duplicate) filter (where d.origin = 'webhook'), 0) as webhook_duplicate,
      coalesce(sum(d.rejected) filter (where d.origin = 'webhook'), 0) as webhook_rejected,
      coalesce(sum(d.received) filter (where d.origin = 'pull'), 0) as pull_received,
      coalesce(sum(d.stored) filter (where d.origin = 'pull'), 0) as pull_stored,
      coalesce(sum(d.duplicate) filter (where d.origin = 'pull'), 0) as pull_duplicate,
      coalesce(sum(d.rejected) filter (where d.origin = 'pull'), 0) as pull_rejected
    from sync_ledger d
    where d.org_id = p.org_id and d.page_id = p.page_id) l
  cross join lateral (
    select count(*) filter (where y.status = 'completed') as syncs_completed,
      count(*) filter (where y.status = 'failed') as syncs_failed
    from sync_state y
    where y.org_id = p.org_id and y.page_id = p.page_id) s;

-- migrate:down
drop view sync_statistics;
drop view active_syncs;
drop table sync_ledger;
drop table sync_rejects;
drop table told_events;
drop table contact_interaction_events;
drop table messenger_conversations;
drop table call_budgets;
drop table sync_runs;
drop table sync_state;
drop table sync_locks;
drop table pages;
