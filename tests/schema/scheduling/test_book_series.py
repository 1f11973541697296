"""book_series and cancel_series: each start has its own outcome."""

from datetime import timedelta
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, book_series, broken_equations
from tests.schema.scheduling.builders import NOW, a_calendar, trace

TOMORROW = NOW + timedelta(days=1)


async def test_a_series_books_what_it_can_and_reports_the_rest(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, horizon_days=20)
    await book(scheduling_db, org_id, calendar_id, TOMORROW + timedelta(days=7))
    weekly = [TOMORROW + timedelta(days=7 * week) for week in range(4)]
    answer = await book_series(scheduling_db, org_id, calendar_id, weekly)
    outcomes = [each["outcome"] for each in answer["occurrences"]]
    assert outcomes == ["booked", "taken", "booked", "closed"]
    assert answer["occurrences"][1]["conflicts"][0]["start"] == "2027-01-12T08:00:00+00:00"
    assert answer["occurrences"][3]["cause"] == "horizon"
    cancelled = await scheduling_db.value(
        "cancel_series",
        p_org_id=org_id,
        p_series_id=UUID(answer["series_id"]),
        p_traceparent=trace(),
        p_now=NOW,
    )
    assert cancelled == 2
    assert await broken_equations(scheduling_db) == {}
