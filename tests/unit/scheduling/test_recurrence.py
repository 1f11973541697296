"""Recurrence by the examples of RFC 5545, 3.8.5.3; each DTSTART is 09:00 in New York."""

from datetime import UTC, datetime

import pytest

from services.scheduling.recurrence import OCCURRENCES_MAX, RecurrenceRefused, expand
from services.scheduling.wall_times import instant


def nine(day: str) -> datetime:
    """Nine o'clock of a day, by the calendar's clock."""
    return datetime.fromisoformat(f"{day}T09:00")


START = nine("1997-09-02")


def days(found: list[datetime]) -> list[str]:
    return [f"{at:%Y-%m-%d}" for at in found]


# (what the RFC calls it, rule, DTSTART, the first dates, how many)
EXAMPLES = [
    ("daily for 10", "FREQ=DAILY;COUNT=10", START,
     ["1997-09-02", "1997-09-03", "1997-09-04"], 10),
    ("daily until December 24", "FREQ=DAILY;UNTIL=19971224T000000Z", START,
     ["1997-09-02", "1997-09-03"], 113),
    ("every 10 days, 5 times", "FREQ=DAILY;INTERVAL=10;COUNT=5", START,
     ["1997-09-02", "1997-09-12", "1997-09-22", "1997-10-02", "1997-10-12"], 5),
    ("every day in January", "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;"
     "BYDAY=SU,MO,TU,WE,TH,FR,SA", nine("1998-01-01"), ["1998-01-01", "1998-01-02"], 93),
    ("weekly for 10", "FREQ=WEEKLY;COUNT=10", START,
     ["1997-09-02", "1997-09-09", "1997-09-16"], 10),
    ("weekly until December 24", "FREQ=WEEKLY;UNTIL=19971224T000000Z", START,
     ["1997-09-02", "1997-09-09"], 17),
    ("Tuesdays and Thursdays for five weeks", "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH", START,
     ["1997-09-02", "1997-09-04", "1997-09-09"], 10),
    ("every other week, three days", "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;"
     "BYDAY=MO,WE,FR", nine("1997-09-01"),
     ["1997-09-01", "1997-09-03", "1997-09-05", "1997-09-15"], 25),
    ("every other week, two days", "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", START,
     ["1997-09-02", "1997-09-04", "1997-09-16", "1997-09-18"], 8),
    ("first Friday", "FREQ=MONTHLY;COUNT=10;BYDAY=1FR", nine("1997-09-05"),
     ["1997-09-05", "1997-10-03", "1997-11-07"], 10),
    ("first and last Sunday", "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
     nine("1997-09-07"), ["1997-09-07", "1997-09-28", "1997-11-02"], 10),
    ("second-to-last Monday", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", nine("1997-09-22"),
     ["1997-09-22", "1997-10-20", "1997-11-17"], 6),
    ("third-to-last day", "FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=6", nine("1997-09-28"),
     ["1997-09-28", "1997-10-29", "1997-11-28", "1997-12-29"], 6),
    ("2nd and 15th", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15", START,
     ["1997-09-02", "1997-09-15", "1997-10-02"], 10),
    ("first and last day", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", nine("1997-09-30"),
     ["1997-09-30", "1997-10-01", "1997-10-31"], 10),
    ("every 18 months", "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
     nine("1997-09-10"), ["1997-09-10", "1997-09-11"], 10),
    ("June and July", "FREQ=YEARLY;COUNT=10;BYMONTH=6,7", nine("1997-06-10"),
     ["1997-06-10", "1997-07-10", "1998-06-10"], 10),
    ("1st, 100th and 200th day", "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
     nine("1997-01-01"), ["1997-01-01", "1997-04-10", "1997-07-19", "2000-01-01"], 10),
    ("Friday the 13th", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=5", START,
     ["1998-02-13", "1998-03-13", "1998-11-13", "1999-08-13", "2000-10-13"], 5),
    ("first Saturday after the first Sunday", "FREQ=MONTHLY;BYDAY=SA;"
     "BYMONTHDAY=7,8,9,10,11,12,13;COUNT=10", nine("1997-09-13"),
     ["1997-09-13", "1997-10-11", "1997-11-08"], 10),
    ("election day", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
     nine("1996-11-05"), ["1996-11-05", "2000-11-07", "2004-11-02"], 3),
    ("third of TU, WE, TH", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
     nine("1997-09-04"), ["1997-09-04", "1997-10-07", "1997-11-06"], 3),
    ("second-to-last weekday", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=7",
     nine("1997-09-29"), ["1997-09-29", "1997-10-30", "1997-11-27"], 7),
    ("WKST=MO", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", nine("1997-08-05"),
     ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"], 4),
    ("WKST=SU", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", nine("1997-08-05"),
     ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"], 4),
    ("an invalid date is left out", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
     nine("2007-01-15"),
     ["2007-01-15", "2007-01-30", "2007-02-15", "2007-03-15", "2007-03-30"], 5),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "start", "first", "count"),
    [each[1:] for each in EXAMPLES],
    ids=[each[0] for each in EXAMPLES],
)
def test_the_examples_of_rfc_5545(rule: str, start: datetime, first: list[str], count: int) -> None:
    found = expand(rule, start)
    assert days(found)[: len(first)] == first
    assert len(found) == count
    assert {(at.hour, at.minute) for at in found} == {(9, 0)}


def test_nine_o_clock_stays_nine_o_clock_over_the_end_of_daylight_time() -> None:
    # As the RFC shows it: September 2 to October 25 EDT, October 26 to 27 EST.
    found = [instant(at, "America/New_York") for at in expand("FREQ=DAILY;COUNT=56", START)]
    assert found[53] == datetime(1997, 10, 25, 13, tzinfo=UTC)
    assert found[54] == datetime(1997, 10, 26, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "FREQ=DAILY",
        "FREQ=HOURLY;COUNT=3",
        "FREQ=SOMETIMES;COUNT=3",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;UNTIL=19970101T000000Z",
        f"FREQ=DAILY;COUNT={OCCURRENCES_MAX + 1}",
        "FREQ=YEARLY;COUNT=20",
        "FREQ=DAILY;COUNT=3\nRRULE:FREQ=DAILY;COUNT=3",
        "DTSTART:19970902T090000\nRRULE:FREQ=DAILY;COUNT=3",
        "FREQ=DAILY;COUNT=x",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1",
    ],
)
def test_a_rule_that_cannot_be_booked_is_refused(rule: str) -> None:
    with pytest.raises(RecurrenceRefused):
        expand(rule, START)
