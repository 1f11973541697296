"""Sample bookings, sent through the edge as callers send them.

Search, book, the same slot again (refused), move, cancel; and the calendar's feed.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from deploy.local.sample_customer import Customer, RefusedError
from deploy.local.samples import SampleFailedError, SampleResult

_OFFICE_HOURS = [
    {"weekday": day, "startMinute": 9 * 60, "endMinute": 17 * 60} for day in range(1, 6)
]


class SchedulingSamples:
    """Sends the sample of one run."""

    def __init__(self, customer: Customer) -> None:
        self._customer = customer
        self._api = customer.api

    async def booking(self) -> SampleResult:
        """(f) one appointment from search to cancellation."""
        created = await self._calendar()
        calendar_id: str = created["calendar"]["id"]
        first, second = (await self._slots(calendar_id))[:2]
        booked = await self._book(calendar_id, first)
        await self._refused(calendar_id, first)
        path = f"/api/appointments/{booked['id']}"
        moved = await self._api.post(f"{path}/reschedule", {"scheduledAt": second["startTime"]})
        _expect("moved", moved["appointment"]["scheduledAt"], second["startTime"])
        await self._in_feed(created["feedPath"], booked["id"])
        cancelled = await self._api.post(f"{path}/cancel", {})
        _expect("cancelled", cancelled["appointment"]["status"], "cancelled")
        return SampleResult(
            name="f: an appointment",
            happened="searched, booked, refused to a second caller, moved, cancelled",
            found_by=(("external_id", booked["id"]),),
        )

    async def _calendar(self) -> dict[str, Any]:
        return await self._api.post(
            "/api/calendars",
            {
                "name": "Viewings",
                "kind": "person",
                "zone": "Europe/Berlin",
                "bufferAfterMinutes": 15,
                "weeklyHours": {"hours": _OFFICE_HOURS},
            },
        )

    async def _slots(self, calendar_id: str) -> list[dict[str, Any]]:
        start = datetime.now(UTC).replace(microsecond=0)
        found = await self._api.get(
            "/api/availability",
            **{
                "calendarId": calendar_id,
                "from": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "to": (start + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "durationMinutes": "60",
            },
        )
        slots: list[dict[str, Any]] = found["slots"]
        return slots

    async def _book(self, calendar_id: str, slot: dict[str, Any]) -> dict[str, Any]:
        answer = await self._api.post(
            "/api/appointments",
            {
                "calendarId": calendar_id,
                "contactId": str(uuid4()),
                "scheduledAt": slot["startTime"],
                "durationMinutes": 60,
                "notes": "Bring the floor plan.",
                "requestId": str(uuid4()),
            },
        )
        appointment: dict[str, Any] = answer["appointment"]
        return appointment

    async def _refused(self, calendar_id: str, slot: dict[str, Any]) -> None:
        try:
            await self._book(calendar_id, slot)
        except RefusedError as refused:
            if ": 409" in str(refused) and "SLOT_TAKEN" in str(refused):
                return
            raise
        raise SampleFailedError("a slot was booked twice")

    async def _in_feed(self, feed_path: str, appointment_id: str) -> None:
        async with self._api.session.get(self._api.url + feed_path) as answer:
            body = await answer.text()
        if answer.status != 200 or f"UID:{appointment_id}@waybill" not in body:
            raise SampleFailedError(f"the feed was answered {answer.status} without the booking")


def _expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise SampleFailedError(f"the appointment was not {what}: {found!r}, not {wanted!r}")
