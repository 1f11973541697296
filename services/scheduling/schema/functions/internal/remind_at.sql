-- When the reminder of an appointment is due: a day before, or null where that has passed.
create or replace function remind_at(p_scheduled_at timestamptz, p_now timestamptz)
returns timestamptz
language sql
immutable
set search_path from current
as $$
  select case when p_scheduled_at - interval '24 hours' > p_now
    then p_scheduled_at - interval '24 hours' end;
$$;
