-- What the service's role may do with each table. The audit trail is append-only. Claims end and are
-- not deleted, except by place_claims, which runs as system.
grant select, insert on audit_logs, series to waybill_scheduling;

grant select, insert, update on
  calendars, holiday_sets, services, appointments, holds, claims, waitlist_entries, imports
to waybill_scheduling;

grant select, insert, update, delete on
  calendar_hours, calendar_exceptions, holidays, external_busy
to waybill_scheduling;
