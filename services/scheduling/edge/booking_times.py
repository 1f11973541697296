"""When a requested booking begins: wall times become instants in the zone of its calendar."""

from datetime import datetime
from uuid import UUID

from services.chassis.errors import not_found
from services.scheduling.records.appointments import BookingRequest, TimeRequest, WallTime
from services.scheduling.refusals import wall_time_refused
from services.scheduling.store.calendars import CalendarStore
from services.scheduling.store.services import ServiceStore
from services.scheduling.wall_times import WallTimeRefused, instant


class BookingTimes:
    """Looks up the zone of a booking's calendar and resolves wall times in it."""

    def __init__(self, calendars: CalendarStore, services: ServiceStore) -> None:
        self._calendars = calendars
        self._services = services

    async def instant(self, org_id: UUID, booking: BookingRequest, time: TimeRequest) -> datetime:
        """The requested instant. Raises WALL_TIME_REFUSED, CALENDAR_ and SERVICE_NOT_FOUND."""
        if isinstance(time, datetime):
            return time
        return resolve_wall_time(time, await self.zone(org_id, booking))

    async def zone(self, org_id: UUID, booking: BookingRequest) -> str:
        """The zone of the first calendar, as the stored functions order them."""
        first = min(await self._calendar_ids(org_id, booking))
        calendar = await self._calendars.get_calendar(org_id, first)
        if calendar is None:
            raise not_found("calendar", first)
        return calendar.zone

    async def _calendar_ids(self, org_id: UUID, booking: BookingRequest) -> tuple[UUID, ...]:
        if booking.calendar_ids or booking.service_id is None:
            return booking.calendar_ids
        service = await self._services.get_service(org_id, booking.service_id)
        if service is None:
            raise not_found("service", booking.service_id)
        return service.calendar_ids


def resolve_wall_time(time: WallTime, zone: str) -> datetime:
    """The instant of a wall time. Raises WALL_TIME_REFUSED."""
    try:
        return instant(time.local_time, zone, time.fold)
    except WallTimeRefused as refused:
        raise wall_time_refused(refused, zone) from None
