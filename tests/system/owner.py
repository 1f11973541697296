"""A tenant that has something of everything, made through its own RPCs."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from deploy.local.sample_customer import PAGE_TOKEN, Customer
from deploy.local.stack import Stack
from sandbox.meta_pages import PageOrder
from tests.system.calling import OF_TENANTS, call

_ALL_DAY = [{"weekday": day, "start_minute": 0, "end_minute": 1440} for day in range(1, 8)]


class Owner:
    """A customer with something in every table that it can have something in."""

    def __init__(self, stack: Stack, customer: Customer) -> None:
        self._stack = stack
        self._customer = customer
        self._methods = {method.name: (service, method) for service, method in OF_TENANTS}

    async def call(self, name: str, /, **fields: Any) -> dict[str, Any]:
        """What the RPC answers the owner; fails where it is refused."""
        service, method = self._methods[name]
        answer = await call(self._stack, service, method, self._customer.api.token, fields)
        assert answer.status == "OK", (name, answer)
        return answer.message

    async def ids(self) -> dict[str, str]:
        """Ids of all of it, and times to ask about."""
        return {
            **await self._leads(),
            **await self._appointments(),
            **await self._conversations(),
        }

    async def _leads(self) -> dict[str, str]:
        request = str(uuid4())
        await self.call(
            "CreateLead", customer_phone="+4915112345678", type="order", request_id=request
        )
        lead = (await self.call("ListLeads"))["leads"][-1]
        offer = (await self.call("ListOffers", lead_id=lead["lead_id"]))["offers"][0]
        return {
            "request": request,
            "trace": lead["trace_id"],
            "lead": lead["lead_id"],
            "offer": offer["offer_id"],
            "delivery": offer["delivery_id"],
            "workspace": self._customer.alpha,
            "endpoint": (await self.call("ListEndpoints"))["endpoints"][0]["endpoint_id"],
            "item": (await self.call("ListWebhookItems"))["items"][0]["item_id"],
            "rule": (await self.call("ListRules"))["rules"][0]["rule_id"],
            "source": (await self.call("ListSources"))["sources"][0]["source_id"],
        }

    async def _appointments(self) -> dict[str, str]:
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None)

        def at(hours: int) -> str:
            return (hour + timedelta(hours=hours)).isoformat()

        made = await self.call(
            "CreateCalendar", name="Room", zone="UTC", weekly_hours={"hours": _ALL_DAY}
        )
        calendar_id = made["calendar"]["id"]
        who = {
            "calendar_id": calendar_id, "contact_id": str(uuid4()), "duration_minutes": 30,
        }  # fmt: skip
        booked = await self.call("BookAppointment", **who, scheduled_at=at(30) + "Z")
        series = await self.call("BookSeries", **who, local_start=at(40), rule="FREQ=DAILY;COUNT=2")
        held = await self.call("HoldSlot", **who, scheduled_at=at(32) + "Z", hold_seconds=900)
        waits = await self.call("JoinWaitlist", **who, earliest=at(30) + "Z", latest=at(31) + "Z")
        made = await self.call(
            "CreateService", name="Viewing", durations_minutes=[30], calendar_ids=[calendar_id]
        )
        day = at(24 * 9)[:10]
        closed = await self.call("AddException", calendar_id=calendar_id, day=day, kind="closed")
        fetched = await self.call(
            "CreateImport",
            calendar_id=calendar_id,
            url=f"{self._stack.buyers_url}/busy.ics",
            every_seconds=86_400,
        )
        holiday = f"Closed {uuid4().hex}"
        await self.call(
            "SetHolidays", holiday_set="shared", holidays=[{"day": day, "name": holiday}]
        )
        return {
            "calendar": calendar_id,
            "contact": who["contact_id"],
            "appointment": booked["appointment"]["id"],
            "booking_trace": booked["appointment"]["trace_id"],
            "series": series["series_id"],
            "hold": held["hold"]["id"],
            "entry": waits["entry"]["id"],
            "service": made["service"]["id"],
            "exception": closed["exception_id"],
            "holiday": holiday,
            "import_": fetched["import_state"]["id"],
            "now": at(24) + "Z",
            "later": at(28) + "Z",
            "local": at(28),
            "day": day,
        }

    async def _conversations(self) -> dict[str, str]:
        facebook_page_id = self._customer.org.page_id
        order = PageOrder(conversations=2, messages_min=1, messages_max=2, broken=1)
        url = f"{self._stack.meta_url}/_control/pages/{facebook_page_id}"
        content = msgspec.json.encode(order)
        async with self._customer.api.session.put(url, data=content) as answer:
            answer.raise_for_status()
        made = await self.call(
            "ConnectPage",
            platform="messenger",
            facebook_page_id=facebook_page_id,
            access_token=PAGE_TOKEN,
        )
        page_id = made["page"]["page_id"]
        pulled = await self.call(
            "SyncConversations", page_id=page_id, facebook_page_id=facebook_page_id
        )
        session = await self.call("GetSync", session_id=pulled["session_id"])
        found = await self.call("ListConversations", page_id=page_id)
        return {
            "page": page_id,
            "facebook_page": facebook_page_id,
            "session": pulled["session_id"],
            "sync_trace": session["sync"]["trace_id"],
            "conversation": found["conversations"][0]["conversation_id"],
            "contact_name": found["conversations"][0]["contact_name"],
        }
