"""iCalendar bodies (RFC 5545, 5546): the feed, free/busy, invitations.

An appointment keeps its UID; SEQUENCE grows only with material changes; METHOD stands on the
VCALENDAR; times are local with their VTIMEZONE. A local time that clocks show twice means the first
(RFC 5545, 3.3.5), so an event that begins or ends at one is written in UTC.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from icalendar import Calendar as Body
from icalendar import Event, FreeBusy, Timezone, vCalAddress, vPeriod

from services.scheduling.records.appointments import Appointment
from services.scheduling.records.calendars import Slot

PRODUCT: Final = "-//Waybill//Scheduling//EN"
REQUEST: Final = "REQUEST"
CANCEL: Final = "CANCEL"
_STATUS: Final = {"pending": "TENTATIVE", "cancelled": "CANCELLED"}
_HOURS_MAX: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedAppointment:
    """An appointment with the name of its service."""

    appointment: Appointment
    service_name: str


def feed(name: str, zone: str, appointments: Sequence[NamedAppointment]) -> bytes:
    """A calendar's feed: all appointments, cancelled ones marked; contacts are not named."""
    body = _body(zone, appointments)
    body.add("X-WR-CALNAME", name)
    body.add("X-WR-TIMEZONE", zone)
    for each in appointments:
        body.add_component(_event(each, zone))
    return bytes(body.to_ical())


def invitation(named: NamedAppointment, *, organizer: str, attendee: str) -> tuple[str, bytes]:
    """The method and the body to mail for an appointment: REQUEST, or CANCEL once cancelled."""
    method = CANCEL if named.appointment.status == "cancelled" else REQUEST
    zone = named.appointment.zone
    body = _body(zone, [named])
    body.add("METHOD", method)
    event = _event(named, zone)
    event["ORGANIZER"] = vCalAddress(f"mailto:{organizer}")
    invited = vCalAddress(f"mailto:{attendee}")
    if method == REQUEST:
        invited.params["RSVP"] = "TRUE"
    event["ATTENDEE"] = invited
    body.add_component(event)
    return method, bytes(body.to_ical())


def free_busy(free: Sequence[Slot], start: datetime, end: datetime, now: datetime) -> bytes:
    """When a calendar is busy from start to end: all that is not free, closed hours too."""
    body = Body()
    body.add("VERSION", "2.0")
    body.add("PRODID", PRODUCT)
    component = FreeBusy()
    component.add("UID", f"freebusy-{start:%Y%m%dT%H%M%S}@waybill")
    component.add("DTSTAMP", now)
    component.add("DTSTART", start)
    component.add("DTEND", end)
    for busy_start, busy_end in _gaps(free, start, end):
        period = vPeriod((busy_start.astimezone(UTC), busy_end.astimezone(UTC)))
        period.params["FBTYPE"] = "BUSY"
        component.add("FREEBUSY", period)
    body.add_component(component)
    return bytes(body.to_ical())


def _gaps(
    free: Sequence[Slot], start: datetime, end: datetime
) -> Iterable[tuple[datetime, datetime]]:
    at = start
    for slot in sorted(free, key=lambda each: each.starts_at):
        if slot.starts_at > at:
            yield at, slot.starts_at
        at = max(at, slot.ends_at)
    if at < end:
        yield at, end


def _body(zone: str, appointments: Sequence[NamedAppointment]) -> Body:
    body = Body()
    body.add("VERSION", "2.0")
    body.add("PRODID", PRODUCT)
    moments = [each.appointment.scheduled_at for each in appointments]
    if moments and zone != "UTC":
        first, last = min(moments) - _HOURS_MAX, max(moments) + 2 * _HOURS_MAX
        # A year on either side includes the zone's last and next change of clocks.
        body.add_component(
            Timezone.from_tzinfo(
                ZoneInfo(zone),
                tzid=zone,
                first_date=first.date() - timedelta(days=366),
                last_date=last.date() + timedelta(days=366),
            )
        )
    return body


def _event(named: NamedAppointment, zone: str) -> Event:
    appointment, clock = named.appointment, ZoneInfo(zone)
    start = appointment.scheduled_at.astimezone(clock)
    end = (start.astimezone(UTC) + timedelta(minutes=appointment.duration_minutes)).astimezone(
        clock
    )
    if _is_shown_twice(start) or _is_shown_twice(end):
        start, end = start.astimezone(UTC), end.astimezone(UTC)
    event = Event()
    event.add("UID", f"{appointment.appointment_id}@waybill")
    event.add("SEQUENCE", appointment.sequence)
    event.add("DTSTAMP", appointment.updated_at.astimezone(UTC))
    event.add("LAST-MODIFIED", appointment.updated_at.astimezone(UTC))
    event.add("DTSTART", start)
    event.add("DTEND", end)
    event.add("SUMMARY", named.service_name or "Appointment")
    event.add("STATUS", _STATUS.get(appointment.status, "CONFIRMED"))
    return event


def _is_shown_twice(moment: datetime) -> bool:
    """Whether clocks in the moment's zone show its wall time at another moment too."""
    first, second = (moment.replace(fold=fold).utcoffset() for fold in (0, 1))
    return first != second
