-- What was asked again and had been done: an answer that was lost, or a caller that asked twice.

-- migrate:up
create table repeats (
  org_id uuid not null,
  repeat_id uuid not null default gen_random_uuid(),
  call text not null,
  subject text not null check (length(subject) between 1 and 128),
  repeat_count bigint not null check (repeat_count >= 1),
  first_repeated_at timestamptz not null,
  last_repeated_at timestamptz not null check (last_repeated_at >= first_repeated_at),
  trace_id trace_id not null,
  last_trace_id trace_id not null,
  primary key (org_id, call, subject)
) with (fillfactor = 70);
comment on table repeats is
  'Calls that were made again, counted: trace_id of the call that did it, last_trace_id of the last one';
create index idx_repeats_trace on repeats (trace_id);
create index idx_repeats_last_trace on repeats (last_trace_id) where last_trace_id <> trace_id;

-- migrate:down
drop function if exists get_repeats_trace(text);
drop function if exists note_repeats(text, uuid[], text[], text[], text[], timestamptz);
drop table repeats;
