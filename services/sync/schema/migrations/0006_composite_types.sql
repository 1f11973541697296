-- Rows travel to stored functions as arrays of these types, so that a column is listed once.
--
-- A composite type is never altered: a proxy or a program whose type has one attribute more or less
-- fails at once. A change is a new type `…_v2` with a new function that takes it; the old pair goes a
-- release later. Only `save_sync_page` and functions that would take more than 15 arrays use them.

-- migrate:up

create type conversation_to_store as (
  conversation_id uuid,
  contact_external_id text,
  thread_id text,
  contact_name text,
  listed_at timestamptz,
  message_count int,
  completeness text
);
comment on type conversation_to_store is
  'A conversation as a pull lists it; conversation_id is used where it turns out to be new';

create type event_to_store as (
  conversation_position int,
  event_id uuid,
  type text,
  direction text,
  actor text,
  target text,
  message_id text,
  occurred_at timestamptz,
  content_hash text,
  content_at timestamptz,
  text text,
  payload jsonb
);
comment on type event_to_store is
  'An event of the conversation at that position, from 1, of the array beside it';

create type page_event as (
  platform text,
  facebook_page_id text,
  contact_external_id text,
  event_id uuid,
  type text,
  direction text,
  actor text,
  target text,
  message_id text,
  occurred_at timestamptz,
  content_hash text,
  content_at timestamptz,
  text text,
  payload jsonb,
  reject_reason text,
  raw json,
  reported_at timestamptz,
  traceparent text
);
comment on type page_event is
  'An event of a page as ingest reports it; with a reject_reason it could not be read, and is raw';

create type thread_read as (
  thread_id text,
  updated_at timestamptz,
  has_pending_messages boolean
);
comment on type thread_read is 'A thread of Meta''s list as it was read';

create type reject_to_store as (
  kind text,
  reason text,
  raw_hash text,
  raw json
);
comment on type reject_to_store is 'Something of a pull that could not be read, as it came';

-- Their signatures changed.
drop function if exists upsert_conversation_with_events(uuid, uuid, uuid, text, text, text,
  timestamptz, int, text, text, uuid[], text[], text[], text[], text[], text[], timestamptz[],
  text[], timestamptz[], text[], jsonb[], text[], timestamptz);
drop function if exists bulk_upsert_conversations_with_events(uuid[], uuid[], uuid[], text[],
  text[], text[], timestamptz[], int[], text[], text[], int[], uuid[], text[], text[], text[],
  text[], text[], timestamptz[], text[], timestamptz[], text[], jsonb[], text[], timestamptz);
drop function if exists save_sync_page(uuid, uuid, uuid, int, text, jsonb, double precision, uuid[],
  text[], text[], text[], timestamptz[], int[], text[], int[], uuid[], text[], text[], text[],
  text[], text[], timestamptz[], text[], timestamptz[], text[], jsonb[], text[], timestamptz[],
  boolean[], text[], text[], text[], json[], timestamptz);
drop function if exists record_page_events(uuid[], uuid[], text[], text[], text[], text[], text[],
  text[], text[], text[], timestamptz[], text[], timestamptz[], text[], jsonb[], text[], json[],
  timestamptz[], text[], timestamptz);
drop function if exists record_timeline_events(uuid[], uuid[], text, text[], uuid[], uuid[],
  jsonb[], text[], timestamptz[], text[], timestamptz);
drop function if exists list_threads_read(uuid, uuid, text[]);
drop function if exists keep_rejects(uuid[], uuid[], text[], text[], text[], text[], json[], text[],
  timestamptz);

-- migrate:down
drop type reject_to_store;
drop type thread_read;
drop type page_event;
drop type event_to_store;
drop type conversation_to_store;
