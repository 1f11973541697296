-- Tables that every service has in its own schema; the search path names it.

-- migrate:up
create domain trace_id as text
  check (value ~ '^[0-9a-f]{32}$');
comment on domain trace_id is 'Business trace of a row: 32 hex digits, for life';

create domain traceparent as text
  check (value ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$');
comment on domain traceparent is 'W3C traceparent that later work continues from or links to';

create table outbox (
  org_id uuid not null,
  outbox_id uuid not null,
  topic text not null,
  subject_id uuid not null,
  payload jsonb not null,
  status text not null default 'pending' check (status in ('pending', 'sent', 'refused')),
  attempts int not null default 0,
  enqueued_at timestamptz not null,
  due_at timestamptz not null,
  claim_token uuid,
  claimed_at timestamptz,
  claim_expires_at timestamptz,
  settled_at timestamptz,
  last_error text,
  trace_id trace_id not null,
  traceparent traceparent not null,
  tracestate text not null default '',
  primary key (org_id, outbox_id),
  unique (org_id, topic, subject_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
comment on table outbox is 'Asks for the next step; written in the transaction that did the last one';
create index idx_outbox_due on outbox (topic, due_at) where status = 'pending';
create index idx_outbox_trace on outbox (trace_id);

create table requests (
  org_id uuid not null,
  request_id text not null check (length(request_id) between 1 and 128),
  content_hash text not null,
  answer jsonb,
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, request_id)
);
comment on table requests is 'Client-made ids with the answer they were given';

create table ticks (
  task text not null,
  tick_at timestamptz not null,
  started_at timestamptz not null,
  trace_id trace_id not null,
  primary key (task, tick_at)
);
comment on table ticks is 'One row for each tick of a periodic task, whoever ran it';

-- migrate:down
drop table ticks;
drop table requests;
drop table outbox;
drop domain traceparent;
drop domain trace_id;
