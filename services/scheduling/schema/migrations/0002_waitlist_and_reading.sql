-- What the waitlist, lists of one calendar and lowered capacities need.

-- migrate:up

-- Whoever waits is looked at in turn; who waited in vain is told so.
alter table waitlist_entries add column looked_at timestamptz not null default '-infinity';
alter table waitlist_entries drop constraint waitlist_entries_status_check;
alter table waitlist_entries add constraint waitlist_entries_status_check
  check (status in ('waiting', 'promoted', 'left', 'expired'));
create index idx_waitlist_entries_look on waitlist_entries (looked_at, created_at)
  where status = 'waiting';

-- Claims made since then keep within the capacity; those before may be more.
alter table calendars add column capacity_since timestamptz not null default '-infinity';

-- The claim's own start, without buffers: what a calendar's list is sorted by.
alter table claims add column starts_at timestamptz;
alter table claims no force row level security;
alter table appointments no force row level security;
update claims k
set starts_at = a.scheduled_at
from appointments a
where a.org_id = k.org_id and a.appointment_id = k.appointment_id
  and k.during @> a.scheduled_at;
alter table claims force row level security;
alter table appointments force row level security;
create index idx_claims_calendar on claims (org_id, calendar_id, starts_at, appointment_id)
  where appointment_id is not null;

create index idx_holds_created on holds (org_id, created_at, hold_id);

create table holiday_sets (
  org_id uuid not null,
  holiday_set text not null check (length(holiday_set) between 1 and 100),
  holiday_set_id uuid not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, holiday_set)
);
comment on table holiday_sets is 'Sets of holidays as last replaced; the row is what replacers lock';
create index idx_holiday_sets_trace on holiday_sets (trace_id);

alter table audit_logs drop constraint audit_logs_subject_kind_check;
alter table audit_logs add constraint audit_logs_subject_kind_check check (subject_kind in
  ('appointment', 'hold', 'waitlist_entry', 'calendar', 'service', 'series', 'import',
    'holiday_set'));

-- Forms of functions that are now another.
drop function if exists
  list_changes(uuid, uuid),
  list_feed_appointments(uuid, uuid, timestamptz, int),
  list_free_ranges(uuid, uuid[], timestamptz, timestamptz, timestamptz),
  list_imports(uuid, uuid),
  lock_buckets(uuid, uuid[], timestamptz, timestamptz, text),
  make_appointment(uuid, uuid, timestamptz, int, uuid[], text, int, uuid, uuid, uuid, text, jsonb,
    text, text, text, timestamptz),
  place_claims(uuid, uuid[], timestamptz, int, uuid, timestamptz, uuid, text, text, timestamptz),
  refuse_slot(uuid, uuid[], uuid, timestamptz, int, timestamptz),
  save_holidays(uuid, text, date[], text[], text);

-- migrate:down
alter table audit_logs drop constraint audit_logs_subject_kind_check;
alter table audit_logs add constraint audit_logs_subject_kind_check check (subject_kind in
  ('appointment', 'hold', 'waitlist_entry', 'calendar', 'service', 'series', 'import')) not valid;
drop table holiday_sets;
drop index idx_holds_created;
drop index idx_claims_calendar;
alter table claims drop column starts_at;
alter table calendars drop column capacity_since;
drop index idx_waitlist_entries_look;
alter table waitlist_entries drop constraint waitlist_entries_status_check;
alter table waitlist_entries add constraint waitlist_entries_status_check
  check (status in ('waiting', 'promoted', 'left')) not valid;
alter table waitlist_entries drop column looked_at;
