"""What the RPCs are made of."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.chassis.loops import Wake
from services.chassis.outbound.client import OutboundPolicy
from services.chassis.sealing import KeyRing
from services.scheduling.parsing import WallTime
from services.scheduling.records import Booking
from services.scheduling.refusals import calendar_not_found, service_not_found, wall_time_refused
from services.scheduling.store.appointments import AppointmentStore
from services.scheduling.store.calendars import CalendarStore
from services.scheduling.store.holds import HoldStore
from services.scheduling.store.imports import ImportStore
from services.scheduling.wall_times import WallTimeRefused, instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Stores and policies; `due` is set when there is an import to read."""

    calendars: CalendarStore
    appointments: AppointmentStore
    holds: HoldStore
    imports: ImportStore
    outbound: OutboundPolicy
    ring: KeyRing
    due: Wake


class Calls:
    """RPCs over the parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def _calendar_ids(self, org_id: UUID, booking: Booking) -> tuple[UUID, ...]:
        """The calendars named, or those of the service."""
        if booking.calendar_ids or booking.service_id is None:
            return booking.calendar_ids
        service = await self._parts.calendars.get_service(org_id, booking.service_id)
        if service is None:
            raise service_not_found(booking.service_id)
        return service.calendar_ids

    async def _zone(self, org_id: UUID, calendar_ids: tuple[UUID, ...]) -> str:
        """The zone of the first calendar, as the stored functions order them."""
        first = min(calendar_ids)
        calendar = await self._parts.calendars.get_calendar(org_id, first)
        if calendar is None:
            raise calendar_not_found(first)
        return calendar.zone

    async def _instant(self, org_id: UUID, when: datetime | WallTime, booking: Booking) -> datetime:
        """The instant that was asked for. Raises WALL_TIME_REFUSED."""
        if isinstance(when, datetime):
            return when
        zone = await self._zone(org_id, await self._calendar_ids(org_id, booking))
        return resolved(when, zone)


def resolved(when: WallTime, zone: str) -> datetime:
    """The instant of a wall time. Raises WALL_TIME_REFUSED."""
    try:
        return instant(when.local_time, zone, when.fold)
    except WallTimeRefused as refused:
        raise wall_time_refused(refused, zone) from None
