"""Searches: the whole list by page, and only what can be booked."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.rpc.scheduling.callers import Tenant, outcome, refusal
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

HOUR = timedelta(hours=1)


def in_hours(hours: float) -> datetime:
    """A whole hour from now on."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + hours * HOUR


async def test_search_pages_are_the_whole_list_and_each_can_be_booked(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar(slot_minutes=60)
    request = pb.SearchAvailabilityRequest(
        calendar_id=calendar_id, duration_minutes=60, page_size=10,
        from_time=in_hours(30).isoformat(), to_time=in_hours(54).isoformat(),
    )  # fmt: skip
    found: list[pb.Slot] = []
    while True:
        page = await tenant.SearchAvailability(request)
        found += page.slots
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert len(found) == 24
    for slot in found:
        booked = tenant.book(calendar_id, slot.start_time.ToDatetime(UTC))
        assert await outcome(booked) == "booked"
    request.page_token = ""
    assert not (await tenant.SearchAvailability(request)).slots


async def test_a_search_is_refused_as_the_booking_would_be(tenant: Tenant) -> None:
    calendar_id, other_id = await tenant.a_calendar(), await tenant.a_calendar()
    created = await tenant.CreateService(
        pb.CreateServiceRequest(
            name="Viewing", durations_minutes=[30, 60], calendar_ids=[other_id, calendar_id]
        )
    )
    service_id = created.service.id

    def search(minutes: int, service_id: str = service_id) -> Any:
        return tenant.SearchAvailability(
            pb.SearchAvailabilityRequest(
                service_id=service_id, duration_minutes=minutes,
                from_time=in_hours(30).isoformat(), to_time=in_hours(31).isoformat(),
            )
        )  # fmt: skip

    def booking(minutes: int, service_id: str = service_id) -> Any:
        request = pb.BookAppointmentRequest(
            service_id=service_id, contact_id=str(uuid4()), duration_minutes=minutes
        )
        request.scheduled_at.FromDatetime(in_hours(30))
        return tenant.BookAppointment(request)

    assert {slot.calendar_id for slot in (await search(60)).slots} == {min(calendar_id, other_id)}
    for what in ((45,), (60, str(uuid4()))):
        searched, booked = await refusal(search(*what)), await refusal(booking(*what))
        assert searched == booked
        assert searched.reason in ("DURATION_REFUSED", "SERVICE_NOT_FOUND")
    await tenant.ArchiveService(pb.ArchiveServiceRequest(service_id=service_id))
    archived = await refusal(search(60))
    assert archived == await refusal(booking(60))
    assert (archived.reason, archived.status) == ("SERVICE_NOT_FOUND", "NOT_FOUND")
