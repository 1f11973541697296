"""Many bookings at once through the edge, each sent again until it is accepted."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from deploy.local.sample_customer import Customer
from tests.chaos.customer_rows import CustomerRows
from tests.chaos.lead_load import run_bounded
from tests.system.waiting import until

_ALL_DAY: Final = [{"weekday": day, "startMinute": 0, "endMinute": 1440} for day in range(1, 8)]
# By event how often it reached sync; one that reaches it twice is a duplicate there.
TOLD: Final = """
    select (select count(*) from scheduling.appointments where org_id = $1) as booked,
      (select count(*) from scheduling.outbox where org_id = $1 and status <> 'sent') as waiting,
      (select count(*) from sync.contact_interaction_events
        where org_id = $1 and type = 'appointment_booked') as reported"""


async def posted(customer: Customer, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer, sent again while the edge or a service is on its way back."""

    async def answered() -> dict[str, Any]:
        return await customer.api.post(path, body)

    return await until(answered)


async def a_calendar(customer: Customer) -> str:
    """A calendar that is always open; its id."""
    fields = {"name": "Room", "weeklyHours": {"hours": _ALL_DAY}}
    created = await posted(customer, "/api/calendars", fields)
    calendar_id: str = created["calendar"]["id"]
    return calendar_id


@dataclass(slots=True)
class Bookings:
    """Appointments of one customer, one after the other in a calendar."""

    customer: Customer
    calendar_id: str
    accepted: int = 0
    _places: "itertools.count[int]" = field(default_factory=itertools.count)

    async def send(self, bookings: int, *, concurrent: int = 5) -> None:
        """CustomerRows so many."""
        await run_bounded([self._book] * bookings, concurrent)

    async def _book(self) -> None:
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        at = hour + timedelta(days=1, hours=next(self._places))
        booking = {
            "calendarId": self.calendar_id,
            "contactId": str(uuid4()),
            "scheduledAt": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "durationMinutes": 60,
            "requestId": str(uuid4()),
        }
        await posted(self.customer, "/api/appointments", booking)
        self.accepted += 1

    async def are_told(self, customer_rows: CustomerRows) -> None:
        """Returns when each booking stands in the timeline, once."""
        wanted = {"booked": self.accepted, "waiting": 0, "reported": self.accepted}

        async def reported() -> bool:
            (found,) = await customer_rows.rows(TOLD)
            return dict(found) == wanted

        await until(reported)
