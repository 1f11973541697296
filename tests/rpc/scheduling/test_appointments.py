"""Bookings over real processes: exactly the seats, and refusals that say why."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from services.chassis.database import Database
from services.chassis.errors import STATUS_DETAILS_KEY
from tests.rpc.scheduling.callers import Tenant, outcome, refusal
from tests.schema.scheduling.bookings import broken_equations, overlaps
from tests.schema.scheduling.builders import Admin
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

HOUR = timedelta(hours=1)


def in_hours(hours: float) -> datetime:
    """A whole hour from now on."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + hours * HOUR


def races_lost(folder: Path) -> int:
    """How many calls the processes repeated because of a deadlock."""
    logs = list(folder.glob("scheduling-*.log"))
    assert len(logs) == 2
    return sum(log.read_text().count("lost a race in the database") for log in logs)


@pytest.mark.parametrize("capacity", [1, 10])
async def test_a_thousand_attempts_at_two_processes_book_exactly_the_seats(
    tenants: list[Tenant],
    scheduling_db: Database,
    admin: Admin,
    tmp_path: Path,
    capacity: int,
) -> None:
    calendar_id = await tenants[0].a_calendar(capacity=capacity)
    outcomes = await asyncio.gather(
        *(outcome(tenants[n % 2].book(calendar_id, in_hours(30))) for n in range(1000))
    )
    assert Counter(outcomes) == {"booked": capacity, "SLOT_TAKEN": 1000 - capacity}
    assert await overlaps(admin) == 0
    assert races_lost(tmp_path) == 0
    assert await broken_equations(scheduling_db) == {}


async def test_a_thousand_free_slots_at_two_processes_are_all_booked(
    tenants: list[Tenant], admin: Admin, tmp_path: Path
) -> None:
    calendar_id = await tenants[0].a_calendar()
    places = list(range(1000))
    random.Random(3).shuffle(places)
    outcomes = await asyncio.gather(
        *(
            outcome(tenants[n % 2].book(calendar_id, in_hours(30) + n * HOUR / 4, 15))
            for n in places
        )
    )
    assert Counter(outcomes) == {"booked": 1000}
    assert await overlaps(admin) == 0
    assert races_lost(tmp_path) == 0


async def test_overlapping_ranges_at_two_processes_never_overlap(
    tenants: list[Tenant], scheduling_db: Database, admin: Admin, tmp_path: Path
) -> None:
    calendar_id, rng = await tenants[0].a_calendar(), random.Random(4)
    outcomes = await asyncio.gather(
        *(
            outcome(
                tenants[n % 2].book(
                    calendar_id,
                    in_hours(30) + rng.randrange(96) * HOUR / 4,
                    rng.choice([15, 45, 90, 240]),
                )
            )
            for n in range(1000)
        )
    )
    assert set(outcomes) == {"booked", "SLOT_TAKEN"}
    assert await overlaps(admin) == 0
    assert races_lost(tmp_path) == 0
    assert await broken_equations(scheduling_db) == {}


async def test_a_wall_time_is_booked_as_the_calendars_clock_shows_it(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar(zone="America/New_York", horizon_days=730)

    def booking(text: str, **more: Any) -> pb.BookAppointmentRequest:
        return pb.BookAppointmentRequest(
            calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=30,
            local_time=text, **more,
        )  # fmt: skip

    gap = await refusal(tenant.BookAppointment(booking("2027-03-14T02:30")))
    assert (gap.reason, gap.metadata["cause"]) == ("WALL_TIME_REFUSED", "gap")
    twice = await refusal(tenant.BookAppointment(booking("2027-11-07T01:30")))
    assert (twice.reason, twice.metadata["cause"]) == ("WALL_TIME_REFUSED", "ambiguous")
    times = []
    for fold in (0, 1):
        answer = await tenant.BookAppointment(booking("2027-11-07T01:30", fold=fold))
        times.append(answer.appointment.scheduled_at.ToDatetime().hour)
        assert answer.appointment.local_time == "2027-11-07T01:30"
    assert times == [5, 6]


async def test_all_violations_of_a_request_come_together(tenant: Tenant) -> None:
    request = pb.BookAppointmentRequest(contact_id="x", duration_minutes=5000)
    refused = await refusal(tenant.BookAppointment(request))
    assert refused.reason == "INVALID_REQUEST"
    assert set(refused.metadata["fields"].split(",")) == {
        "calendar_id", "contact_id", "duration_minutes", "scheduled_at",
    }  # fmt: skip


async def test_an_invitation_and_its_cancellation(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar()
    booked = await tenant.book(calendar_id, in_hours(30))
    request = pb.GetInvitationRequest(
        appointment_id=booked.id, organizer="desk@example.com", attendee="ada@example.com"
    )
    invited = await tenant.GetInvitation(request)
    assert invited.method == "REQUEST"
    assert "METHOD:REQUEST" in invited.body
    await tenant.CancelAppointment(pb.CancelAppointmentRequest(appointment_id=booked.id))
    cancelled = await tenant.GetInvitation(request)
    assert cancelled.method == "CANCEL"
    assert "STATUS:CANCELLED" in cancelled.body
    assert "SEQUENCE:1" in cancelled.body


async def test_a_busy_slot_says_when_to_try_again(
    tenant: Tenant, admin: Admin, org_id: UUID
) -> None:
    calendar_id = await tenant.a_calendar()
    await admin.execute("alter function scheduling.place_claims set lock_timeout = '50ms'")
    async with admin.transaction():
        await admin.execute(
            "select scheduling.book_appointment_with_lock($1, $2, $3, 60, p_calendar_ids => $4)",
            *(org_id, uuid4(), in_hours(30), [UUID(calendar_id)]),
        )
        try:
            await tenant.book(calendar_id, in_hours(30))
        except grpc.aio.AioRpcError as failed:
            details = dict(failed.trailing_metadata() or ())[STATUS_DETAILS_KEY]
            code = failed.code()
    status, retry = status_pb2.Status.FromString(bytes(details)), error_details_pb2.RetryInfo()
    assert code == grpc.StatusCode.ABORTED
    assert [each.Unpack(retry) for each in status.details].count(True) == 1
    assert retry.retry_delay.seconds == 1
