"""Canaries in all that a booking carries: who, what was said, and secret addresses of calendars."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from deploy.local.sample_customer import Customer
from sandbox.calendars import Calendars
from tests.chaos.canaries import ADDRESS, MAIL, NAME, TEXT, Nest, Outside, a_phone
from tests.unit.scheduling.external import external

_ALL_DAY: Final = [{"weekday": day, "startMinute": 0, "endMinute": 1440} for day in range(1, 8)]
SAID: Final = f"{NAME}, {MAIL}, {a_phone(13)}: {TEXT}"
PEOPLE: Final = {"name": NAME, "mail": MAIL, "phones": [a_phone(14)], "wishes": {"said": TEXT}}
# What the database quotes where it refuses the row.
QUOTED: Final = f"dbscheduling {SAID}"


class Bookings:
    """A calendar of the customer's, and what is booked in it and refused."""

    def __init__(self, outside: Outside, customer: Customer, nest: Nest) -> None:
        self._outside = outside
        self._api = customer.api
        self._nest = nest
        self._calendar_id = ""
        self._feed_path = ""

    async def all(self, calendars: Calendars) -> None:
        """Every path that a booking takes."""
        await self._calendar()
        appointment_id = await self._booked()
        await self._held_and_waited_for()
        await self._read(appointment_id)
        await self._refused(appointment_id)
        await self._imported(calendars)
        await self._feed()

    async def _calendar(self) -> None:
        hours = {"name": NAME, "weeklyHours": {"hours": _ALL_DAY}}
        created = await self._api.post("/api/calendars", hours)
        self._calendar_id = created["calendar"]["id"]
        self._remember(created["feedPath"])
        service = {"name": NAME, "durationsMinutes": [30], "calendarIds": [self._calendar_id]}
        await self._api.post("/api/services", service)

    def _remember(self, feed_path: str) -> None:
        self._feed_path = feed_path
        self._nest.canaries.add(feed_path.split("/")[2])

    def _body(self, hours: int, **changes: Any) -> dict[str, Any]:
        at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours)
        return {
            "calendarId": self._calendar_id,
            "contactId": str(uuid4()),
            "scheduledAt": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "durationMinutes": 30,
            **changes,
        }

    async def _booked(self) -> str:
        body = self._body(30, notes=SAID, metadata=PEOPLE, requestId=str(uuid4()), lockKey=MAIL)
        booked = await self._api.post("/api/appointments", body)
        appointment_id: str = booked["appointment"]["id"]
        moved = {"scheduledAt": self._body(32)["scheduledAt"]}
        await self._api.post(f"/api/appointments/{appointment_id}/reschedule", moved)
        series = self._body(40, notes=SAID, metadata=PEOPLE, rule="FREQ=DAILY;COUNT=2")
        series["localStart"] = series.pop("scheduledAt").rstrip("Z")
        await self._api.post("/api/series", series)
        return appointment_id

    async def _held_and_waited_for(self) -> None:
        held = await self._api.post("/api/holds", self._body(34))
        papers = {"notes": SAID, "metadata": PEOPLE}
        await self._api.post(f"/api/holds/{held['hold']['id']}/confirm", papers)
        waiting = self._body(34)
        waiting["earliest"] = waiting.pop("scheduledAt")
        waiting["latest"] = self._body(35)["scheduledAt"]
        await self._api.post("/api/waitlist", waiting)

    async def _read(self, appointment_id: str) -> None:
        found = await self._api.get(f"/api/appointments/{appointment_id}")
        assert found["appointment"]["notes"] == SAID
        invitation = f"/api/appointments/{appointment_id}/invitation"
        await self._api.get(invitation, organizer=f"host-{MAIL}", attendee=MAIL)

    async def _refused(self, appointment_id: str) -> None:
        refused = self._outside.refused
        for status, changes in (
            (400, {"notes": f"{SAID}\0"}),
            (400, {"notes": SAID * 99}),
            (400, {"notes": {"said": TEXT}}),
            (400, {"metadata": {"said": f"{TEXT}\0"}}),
            (400, {"metadata": {"said": TEXT * 999}}),
            (400, {"contactId": NAME}),
            (400, {"scheduledAt": TEXT}),
            (400, {"localTime": TEXT, "scheduledAt": None}),
            (400, {"serviceId": MAIL}),
            (400, {"lockKey": NAME * 99}),
            (400, {"colour": TEXT}),
            (409, {"scheduledAt": self._body(32)["scheduledAt"], "notes": SAID}),
            (500, {"notes": QUOTED}),
        ):
            body = self._body(36, **changes)
            await refused("POST", "/api/appointments", status, json=body)
        for changes in ({"name": NAME * 99}, {"zone": NAME}, {"kind": MAIL}):
            await refused("POST", "/api/calendars", 400, json={"name": "Room", **changes})
        series = self._body(50, localStart=TEXT, rule=NAME)
        del series["scheduledAt"]
        await refused("POST", "/api/series", 400, json=series)
        invitation = f"/api/appointments/{appointment_id}/invitation"
        await refused("GET", invitation, 400, params={"organizer": NAME, "attendee": MAIL})
        await refused("GET", "/api/appointments", 400, params={"contactId": MAIL})
        await refused("GET", "/api/appointments", 400, params={"colour": TEXT})

    async def _imported(self, calendars: Calendars) -> None:
        """Calendars of elsewhere by secret addresses: a good one, one that is none, one away."""
        event = f"DTSTART:20370105T090000Z\nDURATION:PT1H\nSUMMARY:{NAME}\nDESCRIPTION:{SAID}"
        calendars.bodies["good"] = external(event)
        calendars.bodies["bad"] = f"BEGIN:VCALENDAR\nSUMMARY:{SAID}\nDTSTART:{TEXT}".encode()
        path = f"/api/calendars/{self._calendar_id}/imports"
        for name in ("good", "bad", "away"):
            url = f"{calendars.url}/{name}?key={ADDRESS}"
            await self._api.post(path, {"url": url, "everySeconds": 60})
        for url in (f"http://{NAME}:{ADDRESS}@127.0.0.1/", f"ftp://127.0.0.1/{ADDRESS}", ADDRESS):
            await self._outside.refused("POST", path, 400, json={"url": url})

    async def _feed(self) -> None:
        async with self._api.session.get(self._api.url + self._feed_path) as answer:
            assert answer.status == 200, await answer.text()
        renewed = await self._api.post(f"/api/calendars/{self._calendar_id}/feed", {})
        async with self._api.session.get(self._api.url + self._feed_path) as answer:
            assert answer.status == 404
        self._remember(renewed["feedPath"])
