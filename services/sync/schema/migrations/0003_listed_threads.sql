-- migrate:up

create table listed_threads (
  org_id uuid not null,
  page_id uuid not null,
  thread_id text collate "C" not null,
  updated_at timestamptz not null,
  owes_messages boolean not null,
  primary key (org_id, page_id, thread_id),
  foreign key (org_id, page_id) references pages
) with (fillfactor = 70);
comment on table listed_threads is
  'Threads of Meta''s list as they were last read, so that a walk through the list can tell what it missed';
comment on column listed_threads.updated_at is 'updated_time of the list entry that was read';
comment on column listed_threads.owes_messages is
  'Not all of its messages came along, and the rest was not read yet';

alter table sync_rejects drop constraint sync_rejects_kind_check;
alter table sync_rejects add constraint sync_rejects_kind_check
  check (kind in ('conversation', 'participant', 'message', 'event', 'page'));

alter table sync_state drop constraint sync_state_phase_check;
alter table sync_state add constraint sync_state_phase_check
  check (phase in ('list', 'messages', 'proof', 'fill', 'done'));

-- Their signatures changed.
drop function if exists save_sync_page(uuid, uuid, uuid, int, text, jsonb, double precision, uuid[],
  text[], text[], text[], timestamptz[], int[], text[], int[], uuid[], text[], text[], text[], text[],
  text[], timestamptz[], text[], timestamptz[], text[], jsonb[], text[], text[], text[], json[],
  timestamptz);
drop function if exists end_sync_run(uuid, uuid, uuid, int, text, text, text, int, timestamptz, text,
  timestamptz, text, timestamptz);
drop function if exists reserve_call(text, text, double precision, int, double precision,
  double precision, timestamptz);
drop function if exists list_pages(uuid, uuid, int, uuid);

-- migrate:down
alter table sync_state drop constraint sync_state_phase_check;
alter table sync_state add constraint sync_state_phase_check
  check (phase in ('list', 'messages', 'seek', 'head', 'done'));
alter table sync_rejects drop constraint sync_rejects_kind_check;
alter table sync_rejects add constraint sync_rejects_kind_check
  check (kind in ('conversation', 'participant', 'message', 'event'));
drop table listed_threads;
