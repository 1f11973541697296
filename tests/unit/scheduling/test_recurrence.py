"""Recurrence by the examples of RFC 5545, 3.8.5.3, all that are daily or seldomer.

Each DTSTART is 09:00 in New York. Those that go on forever are given a COUNT here: as many as the
RFC shows.
"""

from datetime import UTC, datetime

import pytest

from services.scheduling.recurrence import OCCURRENCES_MAX, RecurrenceRefused, expand
from services.scheduling.wall_times import instant

NEW_YORK = "America/New_York"
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def nine(day: str) -> datetime:
    """Nine o'clock of a day, by the calendar's clock."""
    return datetime.fromisoformat(f"{day}T09:00")


def days(shown: str) -> list[datetime]:
    """Nine o'clock of the days that a text shows as the RFC does: `1997 Sep 2 4 Oct 1-25`."""
    found, year, month = [], "", 0
    for word in shown.split():
        if word.isalpha():
            month = MONTHS.index(word) + 1
        elif word.isdigit() and len(word) == 4:
            year = word
        else:
            first, _, last = word.partition("-")
            numbers = range(int(first), int(last or first) + 1)
            found += [nine(f"{year}-{month:02}-{day:02}") for day in numbers]
    return found


START = nine("1997-09-02")
TUESDAYS = "1997 Sep 2 9 16 23 30 Oct 7 14 21 28 Nov 4"
JANUARIES = "1998 Jan 1-31 1999 Jan 1-31 2000 Jan 1-31"
TUESDAYS_AND_THURSDAYS = "1997 Sep 2 4 9 11 16 18 23 25 30 Oct 2"

# (what the RFC calls it, rule, DTSTART, all days)
EXAMPLES = [
    ("daily for 10", "FREQ=DAILY;COUNT=10", START, "1997 Sep 2-11"),
    ("daily until December 24", "FREQ=DAILY;UNTIL=19971224T000000Z", START,
     "1997 Sep 2-30 Oct 1-31 Nov 1-30 Dec 1-23"),
    ("every other day", "FREQ=DAILY;INTERVAL=2;COUNT=47", START,
     "1997 Sep 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30 Oct 2 4 6 8 10 12 14 16 18 20 22 24 26 28"
     " 30 Nov 1 3 5 7 9 11 13 15 17 19 21 23 25 27 29 Dec 1 3"),
    ("every 10 days, 5 times", "FREQ=DAILY;INTERVAL=10;COUNT=5", START,
     "1997 Sep 2 12 22 Oct 2 12"),
    ("every day in January, yearly", "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;"
     "BYDAY=SU,MO,TU,WE,TH,FR,SA", nine("1998-01-01"), JANUARIES),
    ("every day in January, daily", "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1",
     nine("1998-01-01"), JANUARIES),
    ("weekly for 10", "FREQ=WEEKLY;COUNT=10", START, TUESDAYS),
    ("weekly until December 24", "FREQ=WEEKLY;UNTIL=19971224T000000Z", START,
     f"{TUESDAYS} 11 18 25 Dec 2 9 16 23"),
    ("every other week", "FREQ=WEEKLY;INTERVAL=2;WKST=SU;COUNT=13", START,
     "1997 Sep 2 16 30 Oct 14 28 Nov 11 25 Dec 9 23 1998 Jan 6 20 Feb 3 17"),
    ("Tuesdays and Thursdays for five weeks, until", "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;"
     "BYDAY=TU,TH", START, TUESDAYS_AND_THURSDAYS),
    ("Tuesdays and Thursdays for five weeks, count", "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH",
     START, TUESDAYS_AND_THURSDAYS),
    ("every other week, three days", "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;"
     "BYDAY=MO,WE,FR", nine("1997-09-01"),
     "1997 Sep 1 3 5 15 17 19 29 Oct 1 3 13 15 17 27 29 31 Nov 10 12 14 24 26 28 Dec 8 10 12 22"),
    ("every other week, two days", "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", START,
     "1997 Sep 2 4 16 18 30 Oct 2 14 16"),
    ("first Friday for 10", "FREQ=MONTHLY;COUNT=10;BYDAY=1FR", nine("1997-09-05"),
     "1997 Sep 5 Oct 3 Nov 7 Dec 5 1998 Jan 2 Feb 6 Mar 6 Apr 3 May 1 Jun 5"),
    ("first Friday until December 24", "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR",
     nine("1997-09-05"), "1997 Sep 5 Oct 3 Nov 7 Dec 5"),
    ("first and last Sunday", "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
     nine("1997-09-07"), "1997 Sep 7 28 Nov 2 30 1998 Jan 4 25 Mar 1 29 May 3 31"),
    ("second-to-last Monday", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", nine("1997-09-22"),
     "1997 Sep 22 Oct 20 Nov 17 Dec 22 1998 Jan 19 Feb 16"),
    ("third-to-last day", "FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=6", nine("1997-09-28"),
     "1997 Sep 28 Oct 29 Nov 28 Dec 29 1998 Jan 29 Feb 26"),
    ("2nd and 15th", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15", START,
     "1997 Sep 2 15 Oct 2 15 Nov 2 15 Dec 2 15 1998 Jan 2 15"),
    ("first and last day", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", nine("1997-09-30"),
     "1997 Sep 30 Oct 1 31 Nov 1 30 Dec 1 31 1998 Jan 1 31 Feb 1"),
    ("every 18 months", "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
     nine("1997-09-10"), "1997 Sep 10-15 1999 Mar 10-13"),
    ("every Tuesday, every other month", "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU;COUNT=18", START,
     "1997 Sep 2 9 16 23 30 Nov 4 11 18 25 1998 Jan 6 13 20 27 Mar 3 10 17 24 31"),
    ("June and July", "FREQ=YEARLY;COUNT=10;BYMONTH=6,7", nine("1997-06-10"),
     "1997 Jun 10 Jul 10 1998 Jun 10 Jul 10 1999 Jun 10 Jul 10 2000 Jun 10 Jul 10"
     " 2001 Jun 10 Jul 10"),
    ("every other year in January, February and March",
     "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3", nine("1997-03-10"),
     "1997 Mar 10 1999 Jan 10 Feb 10 Mar 10 2001 Jan 10 Feb 10 Mar 10 2003 Jan 10 Feb 10 Mar 10"),
    ("1st, 100th and 200th day", "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
     nine("1997-01-01"), "1997 Jan 1 Apr 10 Jul 19 2000 Jan 1 Apr 9 Jul 18"
     " 2003 Jan 1 Apr 10 Jul 19 2006 Jan 1"),
    ("20th Monday of the year", "FREQ=YEARLY;BYDAY=20MO;COUNT=3", nine("1997-05-19"),
     "1997 May 19 1998 May 18 1999 May 17"),
    ("Monday of week 20", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3", nine("1997-05-12"),
     "1997 May 12 1998 May 11 1999 May 17"),
    ("Thursdays in March", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH;COUNT=11", nine("1997-03-13"),
     "1997 Mar 13 20 27 1998 Mar 5 12 19 26 1999 Mar 4 11 18 25"),
    ("Thursdays in June, July and August", "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8;COUNT=39",
     nine("1997-06-05"), "1997 Jun 5 12 19 26 Jul 3 10 17 24 31 Aug 7 14 21 28"
     " 1998 Jun 4 11 18 25 Jul 2 9 16 23 30 Aug 6 13 20 27"
     " 1999 Jun 3 10 17 24 Jul 1 8 15 22 29 Aug 5 12 19 26"),
    ("Friday the 13th", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=5", START,
     "1998 Feb 13 Mar 13 Nov 13 1999 Aug 13 2000 Oct 13"),
    ("first Saturday after the first Sunday", "FREQ=MONTHLY;BYDAY=SA;"
     "BYMONTHDAY=7,8,9,10,11,12,13;COUNT=10", nine("1997-09-13"),
     "1997 Sep 13 Oct 11 Nov 8 Dec 13 1998 Jan 10 Feb 7 Mar 7 Apr 11 May 9 Jun 13"),
    ("election day", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
     nine("1996-11-05"), "1996 Nov 5 2000 Nov 7 2004 Nov 2"),
    ("third of TU, WE, TH", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
     nine("1997-09-04"), "1997 Sep 4 Oct 7 Nov 6"),
    ("second-to-last weekday", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=7",
     nine("1997-09-29"), "1997 Sep 29 Oct 30 Nov 27 Dec 30 1998 Jan 29 Feb 26 Mar 30"),
    ("WKST=MO", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", nine("1997-08-05"),
     "1997 Aug 5 10 19 24"),
    ("WKST=SU", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", nine("1997-08-05"),
     "1997 Aug 5 17 19 31"),
    ("an invalid date is left out", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
     nine("2007-01-15"), "2007 Jan 15 30 Feb 15 Mar 15 30"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "start", "shown"),
    [each[1:] for each in EXAMPLES],
    ids=[each[0] for each in EXAMPLES],
)
def test_the_examples_of_rfc_5545(rule: str, start: datetime, shown: str) -> None:
    assert expand(rule, start, NEW_YORK) == days(shown)


def test_every_20_minutes_from_9_to_16_40_every_day_as_rfc_5545_has_it() -> None:
    rule = "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40;COUNT=48"
    assert expand(rule, START, NEW_YORK) == [
        START.replace(day=day, hour=hour, minute=minute)
        for day in (2, 3)
        for hour in range(9, 17)
        for minute in (0, 20, 40)
    ]


def test_nine_o_clock_stays_nine_o_clock_over_the_end_of_daylight_time() -> None:
    # As the RFC shows it: September 2 to October 25 EDT, October 26 to 27 EST.
    found = [instant(at, NEW_YORK) for at in expand("FREQ=DAILY;COUNT=56", START, NEW_YORK)]
    assert found[53] == datetime(1997, 10, 25, 13, tzinfo=UTC)
    assert found[54] == datetime(1997, 10, 26, 14, tzinfo=UTC)


# (zone, UNTIL, the last day of a daily series from September 2 on at 09:00)
UNTILS = [
    # In New York it is 08:59 and 09:00.
    (NEW_YORK, "19970905T125959Z", 4),
    (NEW_YORK, "19970905T130000Z", 5),
    # In Auckland it is already the day after.
    ("Pacific/Auckland", "19970904T205959Z", 4),
    ("Pacific/Auckland", "19970904T210000Z", 5),
    ("UTC", "19970905T090000Z", 5),
    # Without Z it is by the calendar's clock, and a day is a whole one.
    ("Pacific/Auckland", "19970905T090000", 5),
    ("Pacific/Auckland", "19970905T085959", 4),
    (NEW_YORK, "19970905", 5),
]


@pytest.mark.parametrize(("zone", "until", "last"), UNTILS)
def test_until_is_an_instant_or_by_the_calendars_clock(zone: str, until: str, last: int) -> None:
    assert expand(f"FREQ=DAILY;UNTIL={until}", START, zone) == days(f"1997 Sep 2-{last}")


@pytest.mark.parametrize("start", ["1997-09-02", "2027-01-05", "2096-02-29", "2199-12-31"])
def test_the_days_of_ten_years_are_those_of_the_calendar(start: str) -> None:
    found = expand("FREQ=MONTHLY;INTERVAL=5;BYDAY=-1MO;COUNT=24", nine(start), "UTC")
    assert len(found) == 24
    assert all(at.weekday() == 0 and at.day > 21 for at in found)
    assert found[0] >= nine(start)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("", "not one RRULE"),
        ("FREQ=DAILY;COUNT=3\nRRULE:FREQ=DAILY;COUNT=3", "not one RRULE"),
        ("DTSTART:19970902T090000\nRRULE:FREQ=DAILY;COUNT=3", "not one RRULE"),
        ("FREQ=DAILY;COUNT=3;BYDAY=" + "MO," * 200 + "TU", "not one RRULE"),
        ("FREQ=DAILY;COUNT=3;COUNT=4", "twice"),
        ("FREQ=DAILY;COUNT=3;BYEASTER=0", "not known"),
        ("FREQ=DAILY;COUNT=3;BYSECOND=0,1,2", "not known"),
        ("COUNT=3", "not daily"),
        ("FREQ=HOURLY;COUNT=3", "not daily"),
        ("FREQ=SECONDLY;COUNT=3", "not daily"),
        ("FREQ=SOMETIMES;COUNT=3", "not daily"),
        ("FREQ=DAILY;COUNT=3;UNTIL=19971224T000000Z", "both"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=-1", "COUNT"),
        ("FREQ=DAILY;COUNT=X", "COUNT"),
        ("FREQ=DAILY;INTERVAL=0;COUNT=3", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=0;BYMONTH=2;COUNT=3", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=-1;COUNT=3", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=99999;COUNT=3", "INTERVAL"),
        ("FREQ=DAILY;COUNT=3;BYDAY=XX", "does not parse"),
        ("FREQ=DAILY;COUNT=3;BYMONTH=13", "never happens"),
        ("FREQ=DAILY;UNTIL=TOMORROW", "not a date or time"),
        ("FREQ=DAILY;UNTIL=19970230T000000Z", "not a date or time"),
        ("FREQ=DAILY", "no end"),
        (f"FREQ=DAILY;COUNT={OCCURRENCES_MAX + 1}", "more than 366 times"),
        ("FREQ=DAILY;UNTIL=20000101T000000Z", "more than 366 times"),
        ("FREQ=YEARLY;COUNT=20", "more than 10 years"),
        ("FREQ=YEARLY;INTERVAL=12;COUNT=2", "more than 10 years"),
        ("FREQ=YEARLY;INTERVAL=5;UNTIL=20200101T000000Z", "more than 10 years"),
        ("FREQ=DAILY;UNTIL=19970101T000000Z", "never happens"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1", "never happens"),
        ("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1", "never happens"),
        ("FREQ=WEEKLY;BYDAY=MO;BYSETPOS=9;COUNT=1", "never happens"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=1", "never happens"),
    ],
)
def test_a_rule_that_cannot_be_booked_is_refused(rule: str, why: str) -> None:
    with pytest.raises(RecurrenceRefused, match=why):
        expand(rule, START, NEW_YORK)
