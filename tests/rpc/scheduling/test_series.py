"""Series over a real process."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tests.rpc.scheduling.callers import Tenant, refusal
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

HOUR = timedelta(hours=1)


def in_hours(hours: float) -> datetime:
    """A whole hour from now on."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + hours * HOUR


async def test_a_series_says_what_is_in_the_way_and_never_whose_it_is(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar(buffer_after_minutes=30)
    at = in_hours(30)
    other = await tenant.book(calendar_id, at + 24 * HOUR, notes="Mrs Example")
    answer = await tenant.BookSeries(
        pb.BookSeriesRequest(
            calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=60,
            local_start=at.replace(tzinfo=None).isoformat(), rule="FREQ=DAILY;COUNT=3",
        )
    )  # fmt: skip
    booked, taken, last = answer.occurrences
    assert [each.outcome for each in answer.occurrences] == ["booked", "taken", "booked"]
    assert (taken.calendar_id, taken.appointment_id) == (calendar_id, "")
    (conflict,) = taken.conflicts
    assert conflict.start_time.ToDatetime(UTC) == at + 24 * HOUR
    assert conflict.end_time.ToDatetime(UTC) == at + 25.5 * HOUR
    assert other.id not in str(answer)
    assert not booked.conflicts
    assert booked.appointment_id
    assert last.calendar_id == ""


async def test_a_series_keeps_its_local_time_over_a_clock_change(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar(zone="Europe/Berlin", horizon_days=730)
    request = pb.BookSeriesRequest(
        calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=60,
        local_start="2027-03-21T02:30", rule="FREQ=WEEKLY;COUNT=3", request_id="series",
    )  # fmt: skip
    answer = await tenant.BookSeries(request)
    # On the 28th clocks skip 02:30.
    assert [(each.local_time, each.outcome) for each in answer.occurrences] == [
        ("2027-03-21T02:30", "booked"),
        ("2027-03-28T02:30", "skipped"),
        ("2027-04-04T02:30", "booked"),
    ]
    hours = [each.scheduled_at.ToDatetime().hour for each in answer.occurrences]
    assert (hours[0], hours[2]) == (1, 0)
    assert await tenant.BookSeries(request) == answer
    wrong = await refusal(tenant.BookSeries(pb.BookSeriesRequest(
        calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=60,
        local_start="2027-03-21T02:30", rule="FREQ=DAILY",
    )))  # fmt: skip
    assert wrong.reason == "RECURRENCE_REFUSED"
    cancelled = await tenant.CancelSeries(pb.CancelSeriesRequest(series_id=answer.series_id))
    assert cancelled.cancelled_count == 2
