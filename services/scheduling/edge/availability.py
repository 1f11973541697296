"""RPCs about free slots and free times."""

from typing import Any
from uuid import UUID

from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page_from
from services.scheduling.edge.answers import to_slot
from services.scheduling.edge.fields import SchedulingFields
from services.scheduling.edge.parsing import (
    SEARCHED_CALENDARS_MAX,
    parse_range,
    parse_search,
    parse_time_and_id,
)
from services.scheduling.records.calendars import Slot
from services.scheduling.store.availability import AvailabilityStore
from waybill.scheduling.v1 import scheduling_service_pb2 as pb


class AvailabilityHandlers:
    """Handlers that search free time."""

    def __init__(self, availability: AvailabilityStore) -> None:
        self._availability = availability

    async def SearchAvailability(
        self, request: pb.SearchAvailabilityRequest, context: Any
    ) -> pb.SearchAvailabilityResponse:
        org_id, search = caller().org, parse_search(request)
        calendar_ids = search.calendar_ids
        if search.service_id is not None:
            calendar_ids = await self._availability.resolve_calendars(
                org_id, search.service_id, search.duration_minutes
            )
        scope = (search.start, search.end, search.duration_minutes, _calendars_hash(calendar_ids))
        page = parse_page_from(request, parse_time_and_id, "slots", *scope)
        found = await self._availability.list_slots(
            org_id,
            calendar_ids,
            start=search.start,
            end=search.end,
            duration_minutes=search.duration_minutes,
            together=search.service_id is not None,
            limit=page.rows_to_read,
            after=page.start,
        )
        slots, next_page_token = page.split(found, _start_and_calendar)
        return pb.SearchAvailabilityResponse(
            slots=[to_slot(slot) for slot in slots], next_page_token=next_page_token
        )

    async def ListFreeTimes(
        self, request: pb.ListFreeTimesRequest, context: Any
    ) -> pb.ListFreeTimesResponse:
        fields = SchedulingFields()
        calendar_ids = fields.uuids("calendar_ids", request.calendar_ids, SEARCHED_CALENDARS_MAX)
        start, end = parse_range(fields, request.from_time, request.to_time)
        fields.done()
        page = parse_page_from(
            request, parse_time_and_id, "free-times", start, end, _calendars_hash(calendar_ids)
        )
        found = await self._availability.list_free_ranges(
            caller().org, calendar_ids, start, end, limit=page.rows_to_read, after=page.start
        )
        free, next_page_token = page.split(found, _start_and_calendar)
        return pb.ListFreeTimesResponse(
            free_times=[to_slot(slot) for slot in free], next_page_token=next_page_token
        )


def _start_and_calendar(slot: Slot) -> tuple[str, str]:
    return slot.starts_at.isoformat(), str(slot.calendar_id)


def _calendars_hash(calendar_ids: tuple[UUID, ...]) -> str:
    """Stands for the calendars of a list in its page tokens."""
    mixed = 0
    for each in sorted(calendar_ids):
        mixed = (mixed * 31 + each.int) % (1 << 61)
    return f"{mixed:x}"
