"""Records as protos."""

from datetime import datetime, timedelta
from typing import Any

from google.protobuf.struct_pb2 import Struct

from services.chassis.timestamps import to_optional_timestamp, to_timestamp
from services.scheduling.records.appointments import (
    Appointment,
    Change,
    Hold,
    Occurrence,
    SeriesRule,
    WaitlistEntry,
)
from services.scheduling.records.calendars import Calendar, DayException, Import, Service, Slot
from waybill.scheduling.v1 import scheduling_service_pb2 as pb


def _struct(value: dict[str, Any]) -> Struct:
    struct = Struct()
    struct.update(value)
    return struct


def _text(value: object) -> str:
    return "" if value is None else str(value)


def to_calendar(calendar: Calendar) -> pb.Calendar:
    """A calendar."""
    return pb.Calendar(
        id=str(calendar.calendar_id),
        name=calendar.name,
        kind=calendar.kind,
        zone=calendar.zone,
        capacity=calendar.capacity,
        buffer_before_minutes=calendar.buffer_before_minutes,
        buffer_after_minutes=calendar.buffer_after_minutes,
        notice_minutes=calendar.notice_minutes,
        horizon_days=calendar.horizon_days,
        slot_minutes=calendar.slot_minutes,
        holiday_set=calendar.holiday_set,
        status=calendar.status,
        weekly_hours=pb.WeeklyHours(
            hours=[
                pb.OpenHours(
                    weekday=each.weekday,
                    start_minute=each.start_minute,
                    end_minute=each.end_minute,
                )
                for each in calendar.hours
            ]
        ),
        etag=str(calendar.version),
        create_time=to_timestamp(calendar.created_at),
    )


def to_exception(exception: DayException) -> pb.Exception:
    """Hours of one day."""
    return pb.Exception(
        id=str(exception.exception_id),
        day=exception.day.isoformat(),
        kind=exception.kind,
        start_minute=exception.start_minute,
        end_minute=exception.end_minute,
    )


def to_series(series: SeriesRule) -> pb.Series:
    """A series as it was requested."""
    return pb.Series(
        id=str(series.series_id),
        contact_id=str(series.contact_id),
        rule=series.rule,
        local_start=series.local_start.isoformat(timespec="minutes"),
        zone=series.zone,
        create_time=to_timestamp(series.created_at),
        trace_id=series.trace_id,
    )


def to_service(service: Service) -> pb.Service:
    """A service."""
    return pb.Service(
        id=str(service.service_id),
        name=service.name,
        durations_minutes=service.durations_minutes,
        calendar_ids=[str(each) for each in service.calendar_ids],
        price_credits=service.price_credits,
        needs_approval=service.needs_approval,
        status=service.status,
        create_time=to_timestamp(service.created_at),
        etag=str(service.version),
    )


def to_slot(slot: Slot) -> pb.Slot:
    """A free time."""
    return pb.Slot(
        start_time=to_timestamp(slot.starts_at),
        end_time=to_timestamp(slot.ends_at),
        calendar_id=str(slot.calendar_id),
    )


def to_appointment(appointment: Appointment) -> pb.Appointment:
    """An appointment."""
    ends_at = appointment.scheduled_at + timedelta(minutes=appointment.duration_minutes)
    return pb.Appointment(
        id=str(appointment.appointment_id),
        status=appointment.status,
        contact_id=str(appointment.contact_id),
        service_id=_text(appointment.service_id),
        series_id=_text(appointment.series_id),
        calendar_ids=[str(each) for each in appointment.calendar_ids],
        scheduled_at=to_timestamp(appointment.scheduled_at),
        end_time=to_timestamp(ends_at),
        duration_minutes=appointment.duration_minutes,
        local_time=appointment.local_time.isoformat(timespec="minutes"),
        zone=appointment.zone,
        price_credits=appointment.price_credits,
        notes=_text(appointment.notes),
        metadata=_struct(appointment.metadata),
        sequence=appointment.sequence,
        create_time=to_timestamp(appointment.created_at),
        update_time=to_timestamp(appointment.updated_at),
        trace_id=appointment.trace_id,
    )


def to_change(change: Change) -> pb.Change:
    """One row of the audit trail."""
    return pb.Change(
        action=change.action,
        actor=change.actor,
        before=_struct(change.before),
        after=_struct(change.after),
        occur_time=to_timestamp(change.occurred_at),
        trace_id=change.trace_id,
    )


def to_hold(hold: Hold) -> pb.Hold:
    """A hold."""
    return pb.Hold(
        id=str(hold.hold_id),
        status=hold.status,
        contact_id=str(hold.contact_id),
        calendar_ids=[str(each) for each in hold.calendar_ids],
        scheduled_at=to_timestamp(hold.scheduled_at),
        duration_minutes=hold.duration_minutes,
        expire_time=to_timestamp(hold.expires_at),
        appointment_id=_text(hold.appointment_id),
        trace_id=hold.trace_id,
    )


def to_waitlist_entry(entry: WaitlistEntry) -> pb.WaitlistEntry:
    """A waitlist entry."""
    return pb.WaitlistEntry(
        id=str(entry.entry_id),
        status=entry.status,
        contact_id=str(entry.contact_id),
        calendar_ids=[str(each) for each in entry.calendar_ids],
        earliest=to_timestamp(entry.earliest),
        latest=to_timestamp(entry.latest),
        duration_minutes=entry.duration_minutes,
        appointment_id=_text(entry.appointment_id),
        create_time=to_timestamp(entry.created_at),
        trace_id=entry.trace_id,
    )


def to_occurrence(local_time: datetime, occurrence: Occurrence | None) -> pb.Occurrence:
    """The outcome of a wall time of a series; `occurrence` None: clocks skip it."""
    shown = local_time.isoformat(timespec="minutes")
    if occurrence is None:
        return pb.Occurrence(local_time=shown, outcome="skipped")
    return pb.Occurrence(
        scheduled_at=to_timestamp(occurrence.starts_at),
        local_time=shown,
        outcome=occurrence.outcome,
        appointment_id=_text(occurrence.appointment_id),
        cause=_text(occurrence.cause),
        calendar_id=_text(occurrence.calendar_id),
        conflicts=[
            pb.Conflict(start_time=to_timestamp(each.start), end_time=to_timestamp(each.end))
            for each in occurrence.conflicts
        ],
    )


def to_import(import_: Import) -> pb.Import:
    """An import; its URL is never part of it."""
    return pb.Import(
        id=str(import_.import_id),
        calendar_id=str(import_.calendar_id),
        status=import_.status,
        every_seconds=import_.every_seconds,
        failure_count=import_.failure_count,
        last_error=_text(import_.last_error),
        import_time=to_optional_timestamp(import_.imported_at),
    )
