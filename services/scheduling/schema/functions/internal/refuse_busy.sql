-- Raises WB081 SLOT_BUSY: another booking of the same time went on for too long.
create or replace function refuse_busy(p_calendar_ids uuid[])
returns void
language sql
set search_path from current
as $$
  select refuse(81, 'Another call is booking the slot. Try again.',
    jsonb_build_object('calendar_ids', p_calendar_ids::text, 'retry_after_seconds', 1));
$$;
