-- Every table that the service reaches as itself, and how. Of the audit trail nothing is ever
-- changed; claims end, they are not deleted, but for those of a booking that found no second room.
grant select, insert on audit_logs, series to waybill_scheduling;

grant select, insert, update on
  calendars, holiday_sets, services, appointments, holds, claims, waitlist_entries, imports
to waybill_scheduling;

grant select, insert, update, delete on
  calendar_hours, calendar_exceptions, holidays, external_busy
to waybill_scheduling;
