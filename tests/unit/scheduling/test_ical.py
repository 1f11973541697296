"""iCalendar bodies, read back by a parser; and what an external calendar's events close."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from icalendar import Calendar as Body

from services.scheduling.busy_times import CalendarUnreadable, busy_times
from services.scheduling.feed_secrets import new_secret, parse_secret
from services.scheduling.ical import NamedAppointment, feed, free_busy, invitation
from services.scheduling.records.appointments import Appointment
from services.scheduling.records.calendars import Slot
from tests.unit.scheduling.external import external

NOW = datetime(2027, 1, 4, 8, tzinfo=UTC)
ID = UUID("01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f")


def an_appointment(**changes: Any) -> NamedAppointment:
    fields = {
        "appointment_id": ID,
        "contact_id": uuid4(),
        "service_id": None,
        "series_id": None,
        "calendar_ids": (uuid4(),),
        "scheduled_at": datetime(2027, 7, 5, 7, tzinfo=UTC),
        "duration_minutes": 60,
        "local_time": datetime.fromisoformat("2027-07-05T09:00"),
        "zone": "Europe/Berlin",
        "status": "confirmed",
        "price_credits": None,
        "notes": "knee surgery",
        "metadata": {"phone": "+4915112345678"},
        "sequence": 2,
        "created_at": NOW,
        "updated_at": NOW,
        "trace_id": "a" * 32,
        **changes,
    }
    return NamedAppointment(appointment=Appointment(**fields), service_name="Viewing")


def events(body: bytes) -> list[Any]:
    return list(Body.from_ical(body).walk("VEVENT"))


def test_a_feed_names_times_in_the_calendars_zone_and_nothing_personal() -> None:
    named = [an_appointment(), an_appointment(appointment_id=uuid4(), status="cancelled")]
    body = feed("Viewings", "Europe/Berlin", named)
    first, second = events(body)
    assert str(first["UID"]) == f"{ID}@waybill"
    assert first["SEQUENCE"] == 2
    assert first.start.isoformat() == "2027-07-05T09:00:00+02:00"
    assert first["DTSTART"].params["TZID"] == "Europe/Berlin"
    assert (first["STATUS"], second["STATUS"]) == ("CONFIRMED", "CANCELLED")
    (zone,) = Body.from_ical(body).walk("VTIMEZONE")
    assert zone["TZID"] == "Europe/Berlin"
    assert "METHOD" not in Body.from_ical(body)
    for personal in (b"knee", b"4915", b"ATTENDEE"):
        assert personal not in body


# (zone, start in UTC, minutes)
AROUND_CHANGES = [
    # New York: 01:30 is there twice, 02:30 is not.
    ("America/New_York", "2027-11-07T04:30", 60),
    ("America/New_York", "2027-11-07T05:30", 60),
    ("America/New_York", "2027-11-07T06:30", 60),
    ("America/New_York", "2027-11-07T07:00", 60),
    ("America/New_York", "2027-11-07T04:00", 240),
    ("America/New_York", "2027-03-14T06:30", 60),
    ("America/New_York", "2027-03-14T07:00", 30),
    ("Europe/Berlin", "2027-10-30T23:30", 60),
    ("Europe/Berlin", "2027-10-31T00:30", 60),
    ("Europe/Berlin", "2027-10-31T01:30", 60),
    ("Europe/Berlin", "2027-03-28T00:30", 60),
    # Half an hour only.
    ("Australia/Lord_Howe", "2027-04-03T14:45", 30),
    ("Australia/Lord_Howe", "2027-04-03T15:15", 30),
    ("Australia/Lord_Howe", "2027-10-02T15:15", 30),
    ("Asia/Kathmandu", "2027-05-03T03:15", 60),
    # The day after, by the clock, is two days later.
    ("Pacific/Apia", "2011-12-30T09:30", 60),
    # The day has no midnight; before winter it has two evenings.
    ("America/Santiago", "2027-09-05T03:30", 60),
    ("America/Santiago", "2027-04-04T02:30", 60),
    ("America/Santiago", "2027-04-04T03:30", 60),
    # A day of 25 hours, across midnight.
    ("Europe/Berlin", "2027-10-30T22:00", 1440),
    ("UTC", "2027-11-07T06:30", 60),
]


@pytest.mark.parametrize(("zone", "start", "minutes"), AROUND_CHANGES)
def test_times_around_a_change_of_clocks_are_read_back_as_they_were(
    zone: str, start: str, minutes: int
) -> None:
    scheduled_at = datetime.fromisoformat(start).replace(tzinfo=UTC)
    named = an_appointment(scheduled_at=scheduled_at, duration_minutes=minutes, zone=zone)
    invited, by_mail = invitation(named, organizer="a@example.com", attendee="b@example.com")
    assert invited == "REQUEST"
    for body in (feed("Viewings", zone, [named]), by_mail):
        (event,) = events(body)
        assert event.start.astimezone(UTC) == scheduled_at
        assert event.end.astimezone(UTC) == scheduled_at + timedelta(minutes=minutes)
        assert event["DTSTART"].params.get("TZID") == event["DTEND"].params.get("TZID")


@pytest.mark.parametrize(
    ("start", "written"),
    [
        ("2027-11-07T04:00", ";TZID=America/New_York:20271107T000000"),
        ("2027-11-07T05:30", ":20271107T053000Z"),
        ("2027-11-07T06:30", ":20271107T063000Z"),
        # The end is there twice.
        ("2027-11-07T04:30", ":20271107T043000Z"),
        ("2027-11-07T07:00", ";TZID=America/New_York:20271107T020000"),
    ],
)
def test_an_hour_that_occurs_twice_is_written_in_utc(start: str, written: str) -> None:
    scheduled_at = datetime.fromisoformat(start).replace(tzinfo=UTC)
    named = an_appointment(scheduled_at=scheduled_at, duration_minutes=45, zone="America/New_York")
    assert f"DTSTART{written}\r\n".encode() in feed("Viewings", "America/New_York", [named])


def test_an_empty_feed_is_a_calendar() -> None:
    assert events(feed("Viewings", "Europe/Berlin", [])) == []


@pytest.mark.parametrize(
    ("status", "method", "written"),
    [
        ("confirmed", "REQUEST", "CONFIRMED"),
        ("pending", "REQUEST", "TENTATIVE"),
        ("cancelled", "CANCEL", "CANCELLED"),
    ],
)
def test_an_invitation_has_its_method_on_the_calendar(
    status: str, method: str, written: str
) -> None:
    found, body = invitation(
        an_appointment(status=status), organizer="desk@example.com", attendee="ada@example.com"
    )
    (event,) = events(body)
    assert found == str(Body.from_ical(body)["METHOD"]) == method
    assert event["STATUS"] == written
    assert str(event["ORGANIZER"]) == "mailto:desk@example.com"
    assert str(event["ATTENDEE"]) == "mailto:ada@example.com"


def test_free_busy_tells_all_that_is_not_free() -> None:
    hour = timedelta(hours=1)
    free = [Slot(calendar_id=ID, starts_at=NOW + hour, ends_at=NOW + 2 * hour)]
    body = free_busy(free, NOW, NOW + 3 * hour, NOW).decode().replace("\r\n ", "")
    assert "FREEBUSY;FBTYPE=BUSY;VALUE=PERIOD:20270104T080000Z/20270104T090000Z" in body
    assert "FREEBUSY;FBTYPE=BUSY;VALUE=PERIOD:20270104T100000Z/20270104T110000Z" in body


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART:20270105T090000Z\nDTEND:20270105T100000Z", ["05 09-10"]),
        # A time without a zone, and a whole day, are read by the calendar's clock.
        ("DTSTART:20270105T090000\nDURATION:PT1H", ["05 08-09"]),
        ("DTSTART;VALUE=DATE:20270105", ["04 23-23"]),
        ("DTSTART:20270105T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2",
         ["05 09-10", "06 09-10"]),
        ("DTSTART:20270105T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2\n"
         "EXDATE:20270105T090000Z", ["06 09-10"]),
        ("DTSTART:20270105T090000Z\nDURATION:PT1H\nTRANSP:TRANSPARENT", []),
        ("DTSTART:20270105T090000Z\nDURATION:PT1H\nSTATUS:CANCELLED", []),
        ("DTSTART:20270301T090000Z\nDURATION:PT1H", []),
    ],
)  # fmt: skip
def test_events_close_their_times(event: str, expected: list[str]) -> None:
    found = busy_times(external(event), "Europe/Berlin", NOW, NOW + timedelta(days=30))
    assert [f"{start:%d %H}-{end:%H}" for start, end in found] == expected


def test_overlapping_events_are_one_busy_time() -> None:
    body = external(
        "DTSTART:20270105T090000Z\nDURATION:PT1H", "DTSTART:20270105T093000Z\nDURATION:PT1H"
    )
    ((start, end),) = busy_times(body, "UTC", NOW, NOW + timedelta(days=30))
    assert (start.hour, end.hour, end.minute) == (9, 10, 30)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xfe", b"BEGIN:VCALENDAR\r\nBEGIN:VEV"])
def test_what_is_no_calendar_is_refused_without_quoting_it(content: bytes) -> None:
    with pytest.raises(CalendarUnreadable) as refused:
        busy_times(content, "UTC", NOW, NOW + timedelta(days=30))
    assert "html" not in str(refused.value)


def test_a_feeds_secret_names_its_calendar_and_is_hashed() -> None:
    secret = new_secret(uuid4(), ID)
    assert parse_secret(secret.text) == secret
    assert secret.secret not in secret.hash
    assert new_secret(secret.org_id, ID) != secret
    for wrong in ("", "x", "ä" * 75, secret.text[:-2]):
        assert parse_secret(wrong) is None
