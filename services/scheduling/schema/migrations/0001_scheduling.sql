-- migrate:up

-- What can be booked, and when it is open. -----------------------------------------------------

create table calendars (
  org_id uuid not null,
  calendar_id uuid not null,
  name text not null check (length(name) between 1 and 200),
  kind text not null check (kind in ('person', 'room', 'device')),
  zone text not null,
  capacity int not null check (capacity between 1 and 100),
  buffer_before_minutes int not null check (buffer_before_minutes between 0 and 240),
  buffer_after_minutes int not null check (buffer_after_minutes between 0 and 240),
  notice_minutes int not null check (notice_minutes between 0 and 43200),
  horizon_days int not null check (horizon_days between 1 and 730),
  slot_minutes int not null check (slot_minutes in (5, 10, 15, 20, 30, 60)),
  holiday_set text not null default '',
  status text not null default 'active' check (status in ('active', 'archived')),
  feed_secret_hash bytea not null,
  version int not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, calendar_id)
);
comment on table calendars is 'A person, a room or a device that can be booked';
create index idx_calendars_trace on calendars (trace_id);

create table calendar_hours (
  org_id uuid not null,
  calendar_id uuid not null,
  weekday int not null check (weekday between 1 and 7),
  start_minute int not null check (start_minute between 0 and 1439),
  end_minute int not null check (end_minute between 1 and 2880),
  primary key (org_id, calendar_id, weekday, start_minute),
  foreign key (org_id, calendar_id) references calendars,
  check (start_minute < end_minute)
);
comment on table calendar_hours is
  'Weekly opening hours in local time; minutes after 1440 belong to the day after';

create table calendar_exceptions (
  org_id uuid not null,
  exception_id uuid not null,
  calendar_id uuid not null,
  day date not null,
  kind text not null check (kind in ('open', 'closed')),
  start_minute int not null check (start_minute between 0 and 1439),
  end_minute int not null check (end_minute between 1 and 2880),
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, exception_id),
  foreign key (org_id, calendar_id) references calendars,
  check (start_minute < end_minute)
);
comment on table calendar_exceptions is 'Hours of one day that are open or closed besides the weekly';
create index idx_calendar_exceptions_day on calendar_exceptions (org_id, calendar_id, day);
create index idx_calendar_exceptions_trace on calendar_exceptions (trace_id);

create table holidays (
  org_id uuid not null,
  holiday_set text not null check (length(holiday_set) between 1 and 100),
  day date not null,
  name text not null,
  primary key (org_id, holiday_set, day)
);
comment on table holidays is 'Days on which calendars of a holiday set have no weekly hours';

create table services (
  org_id uuid not null,
  service_id uuid not null,
  name text not null check (length(name) between 1 and 200),
  durations_minutes int[] not null check (cardinality(durations_minutes) between 1 and 20),
  calendar_ids uuid[] not null check (cardinality(calendar_ids) between 1 and 20),
  price_credits int check (price_credits >= 0),
  needs_approval boolean not null,
  status text not null default 'active' check (status in ('active', 'archived')),
  version int not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, service_id)
);
comment on table services is 'What is booked: how long, on which calendars (all of them), for how much';
create index idx_services_trace on services (trace_id);

-- What is booked. ------------------------------------------------------------------------------

create table series (
  org_id uuid not null,
  series_id uuid not null,
  contact_id uuid not null,
  rule text not null,
  local_start timestamp not null,
  zone text not null,
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, series_id)
);
comment on table series is 'Appointments that recur by an RRULE in local time';
create index idx_series_trace on series (trace_id);

create table appointments (
  org_id uuid not null,
  appointment_id uuid not null,
  contact_id uuid not null,
  service_id uuid,
  series_id uuid,
  calendar_ids uuid[] not null check (cardinality(calendar_ids) between 1 and 20),
  scheduled_at timestamptz not null,
  duration_minutes int not null check (duration_minutes between 1 and 1440),
  local_time timestamp not null,
  zone text not null,
  zone_data text not null,
  status text not null check (status in
    ('pending', 'confirmed', 'completed', 'cancelled', 'no_show')),
  price_credits int,
  notes text,
  metadata jsonb not null default '{}',
  change_count int not null default 0,
  sequence int not null default 0,
  remind_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  trace_id trace_id not null,
  traceparent traceparent not null,
  primary key (org_id, appointment_id),
  foreign key (org_id, service_id) references services,
  foreign key (org_id, series_id) references series
) with (fillfactor = 80);
comment on table appointments is
  'Bookings: the instant, the wall time with zone and zone data it was made by, and the status';
create index idx_appointments_scheduling_lookup on appointments (org_id, scheduled_at, status)
  where deleted_at is null;
create index idx_appointments_time_range on appointments (org_id, scheduled_at, duration_minutes)
  where deleted_at is null and status in ('confirmed', 'pending');
create index idx_appointments_contact on appointments (org_id, contact_id, scheduled_at);
create index idx_appointments_series on appointments (org_id, series_id) where series_id is not null;
create index idx_appointments_remind on appointments (remind_at) where remind_at is not null;
create index idx_appointments_trace on appointments (trace_id);

create table holds (
  org_id uuid not null,
  hold_id uuid not null,
  contact_id uuid not null,
  service_id uuid,
  calendar_ids uuid[] not null,
  scheduled_at timestamptz not null,
  duration_minutes int not null check (duration_minutes between 1 and 1440),
  status text not null default 'live'
    check (status in ('live', 'confirmed', 'released', 'expired')),
  expires_at timestamptz not null,
  appointment_id uuid,
  created_at timestamptz not null,
  ended_at timestamptz,
  trace_id trace_id not null,
  traceparent traceparent not null,
  primary key (org_id, hold_id),
  check ((status = 'confirmed') = (appointment_id is not null))
) with (fillfactor = 80);
comment on table holds is 'Slots kept free for somebody for a while';
create index idx_holds_due on holds (expires_at) where status = 'live';
create index idx_holds_trace on holds (trace_id);

create table claims (
  org_id uuid not null,
  claim_id uuid not null,
  calendar_id uuid not null,
  seat int not null check (seat >= 1),
  during tstzrange not null check (not isempty(during)),
  status text not null check (status in ('held', 'booked', 'released', 'expired')),
  hold_expires_at timestamptz,
  hold_id uuid,
  appointment_id uuid,
  created_at timestamptz not null,
  ended_at timestamptz,
  deleted_at timestamptz,
  trace_id trace_id not null,
  primary key (org_id, claim_id),
  foreign key (org_id, calendar_id) references calendars,
  foreign key (org_id, appointment_id) references appointments deferrable initially deferred,
  foreign key (org_id, hold_id) references holds deferrable initially deferred,
  check (status <> 'held' or (hold_expires_at is not null and hold_id is not null)),
  check (status <> 'booked' or appointment_id is not null),
  constraint claims_never_overlap exclude using gist (
    org_id with =, calendar_id with =, seat with =, during with &&
  ) where (status in ('held', 'booked') and deleted_at is null)
) with (fillfactor = 80);
comment on table claims is
  'Time ranges, buffers included, that block a seat of a calendar; the constraint is the promise';
create index idx_claims_appointment on claims (org_id, appointment_id)
  where appointment_id is not null;
create index idx_claims_hold on claims (org_id, hold_id) where hold_id is not null;
create index idx_claims_trace on claims (trace_id);

create table waitlist_entries (
  org_id uuid not null,
  entry_id uuid not null,
  contact_id uuid not null,
  service_id uuid,
  calendar_ids uuid[] not null check (cardinality(calendar_ids) between 1 and 20),
  earliest timestamptz not null,
  latest timestamptz not null,
  duration_minutes int not null check (duration_minutes between 1 and 1440),
  status text not null default 'waiting' check (status in ('waiting', 'promoted', 'left')),
  appointment_id uuid,
  created_at timestamptz not null,
  ended_at timestamptz,
  trace_id trace_id not null,
  traceparent traceparent not null,
  primary key (org_id, entry_id),
  foreign key (org_id, appointment_id) references appointments deferrable initially deferred,
  check (earliest < latest),
  check ((status = 'promoted') = (appointment_id is not null))
);
comment on table waitlist_entries is 'Who takes a slot when one becomes free, in order of arrival';
create index idx_waitlist_entries_waiting on waitlist_entries (org_id, created_at, entry_id)
  where status = 'waiting';
create index idx_waitlist_entries_trace on waitlist_entries (trace_id);

create table audit_logs (
  org_id uuid not null,
  audit_id uuid not null,
  subject_kind text not null check (subject_kind in
    ('appointment', 'hold', 'waitlist_entry', 'calendar', 'service', 'series', 'import')),
  subject_id uuid not null,
  ordinal int not null,
  action text not null,
  actor text not null,
  before jsonb not null,
  after jsonb not null,
  occurred_at timestamptz not null,
  trace_id trace_id not null,
  traceparent traceparent not null,
  primary key (org_id, audit_id),
  unique (org_id, subject_kind, subject_id, ordinal)
);
comment on table audit_logs is 'Every change: ids, times, actors, before and after; never personal data';
create index idx_audit_logs_trace on audit_logs (trace_id);

-- Busy times from elsewhere. -------------------------------------------------------------------

create table imports (
  org_id uuid not null,
  import_id uuid not null,
  calendar_id uuid not null,
  ciphertext bytea not null,
  status text not null default 'active' check (status in ('active', 'removed')),
  etag text not null default '',
  last_modified text not null default '',
  content_hash text not null default '',
  every_seconds int not null check (every_seconds between 60 and 86400),
  failure_count int not null default 0,
  last_error text,
  imported_at timestamptz,
  due_at timestamptz not null,
  claim_token uuid,
  claim_expires_at timestamptz,
  created_at timestamptz not null,
  trace_id trace_id not null,
  traceparent traceparent not null,
  primary key (org_id, import_id),
  foreign key (org_id, calendar_id) references calendars
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
comment on table imports is 'External calendars whose busy times close ours; the URL is sealed';
create index idx_imports_due on imports (due_at) where status = 'active';
create index idx_imports_calendar on imports (org_id, calendar_id);
create index idx_imports_trace on imports (trace_id);

create table external_busy (
  org_id uuid not null,
  import_id uuid not null,
  calendar_id uuid not null,
  during tstzrange not null check (not isempty(during)),
  primary key (org_id, import_id, during),
  foreign key (org_id, import_id) references imports
);
comment on table external_busy is 'Busy times of an external calendar, as last read';
create index idx_external_busy_calendar on external_busy using gist (org_id, calendar_id, during);

-- migrate:down
drop table external_busy;
drop table imports;
drop table audit_logs;
drop table waitlist_entries;
drop table claims;
drop table holds;
drop table appointments;
drop table series;
drop table services;
drop table holidays;
drop table calendar_exceptions;
drop table calendar_hours;
drop table calendars;
