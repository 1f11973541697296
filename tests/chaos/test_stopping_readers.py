"""SIGTERM of scheduling and sync: imports, pulls and events go back with the attempt unspent.

What they read does not answer meanwhile, so that they hold what they have claimed.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import msgspec
import pytest

from deploy.local.sample_customer import PAGE_TOKEN, Customer
from deploy.local.stack import Stack
from sandbox.calendars import Calendars, calendars_served
from sandbox.meta_pages import Behaviour, PageOrder
from tests.chaos.bookings import a_calendar, posted
from tests.chaos.customer_rows import CustomerRows
from tests.chaos.stopping import stalled, stop_in_grace
from tests.system.waiting import until
from tests.unit.scheduling.external import external

IMPORTS: Final = 7
BOOKINGS: Final = 5
CONVERSATIONS: Final = 30

CLAIMED_IMPORTS: Final = """
    select count(*) from scheduling.imports where org_id = $1 and claim_expires_at > now()"""
# As though they had not been claimed: due now, not held, no failure counted.
RETURNED_IMPORTS: Final = """
    select count(*) from scheduling.imports
    where org_id = $1 and claim_token is null and due_at <= now()
      and failure_count = 0 and last_error is null and imported_at is null"""
READ_IMPORTS: Final = """
    select count(*) from scheduling.imports i
    where org_id = $1 and imported_at is not null and failure_count = 0
      and exists (select from scheduling.external_busy b
                  where b.org_id = i.org_id and b.import_id = i.import_id)"""

EVENTS: Final = "select count(*) from scheduling.outbox where org_id = $1"
CLAIMED_EVENTS: Final = """
    select outbox_id, attempts - 1 as unspent from scheduling.outbox
    where org_id = $1 and claim_expires_at > now()"""
WAITING_EVENTS: Final = """
    select outbox_id, attempts from scheduling.outbox
    where org_id = $1 and status = 'pending' and claim_token is null and due_at <= now()"""
TOLD_EVENTS: Final = """
    select array_agg(type order by type) from sync.contact_interaction_events
    where org_id = $1 and type like 'appointment_%'"""

RUNNING_PULLS: Final = """
    select count(*) from sync.sync_state s
    join sync.sync_locks l using (org_id, page_id)
    where s.org_id = $1 and s.status = 'running' and l.expires_at > now()"""
# Where it came to is kept, and no failure counts against it.
RETURNED_PULLS: Final = """
    select count(*) from sync.sync_state s
    where s.org_id = $1 and s.status = 'paused' and s.failures = 0 and s.error is null
      and s.due_at <= now()
      and not exists (select from sync.sync_locks l
                      where l.org_id = s.org_id and l.page_id = s.page_id)
      and not exists (select from sync.sync_runs r
                      where r.org_id = s.org_id and r.session_id = s.session_id
                        and r.ended_at is null)"""
READ_PULLS: Final = """
    select count(*) from sync.sync_state
    where org_id = $1 and status = 'completed' and completeness = 'full'"""
READ_CONVERSATIONS: Final = """
    select count(*) from sync.messenger_conversations where org_id = $1"""


@pytest.fixture
async def calendars() -> AsyncIterator[Calendars]:
    """Calendars of elsewhere."""
    async with calendars_served() as served:
        yield served


async def becomes(customer_rows: CustomerRows, sql: str, wanted: object) -> None:
    """Returns when the database answers so."""
    found: object = None

    async def is_so() -> bool:
        nonlocal found
        found = await customer_rows.value(sql)
        return found == wanted

    try:
        await until(is_so)
    except AssertionError as error:
        raise AssertionError(f"{error}: {found}, not {wanted}") from None


async def test_imports_that_are_being_read_are_given_back(
    stack: Stack, customer: Customer, customer_rows: CustomerRows, calendars: Calendars
) -> None:
    calendar_id = await a_calendar(customer)
    calendars.hold()
    for number in range(IMPORTS):
        start = datetime.now(UTC) + timedelta(days=number + 1)
        calendars.bodies[str(number)] = external(f"DTSTART:{start:%Y%m%dT%H%M%SZ}\nDURATION:PT1H")
        url = f"{calendars.url}/{number}"
        await customer.api.post(f"/api/calendars/{calendar_id}/imports", {"url": url})

    async def some_are_read() -> bool:
        return bool(calendars.asked and await customer_rows.value(CLAIMED_IMPORTS))

    await until(some_are_read)
    await stop_in_grace(stack, "scheduling")
    assert await customer_rows.value(RETURNED_IMPORTS) == IMPORTS
    calendars.let()
    await stack.start_program("scheduling")
    await becomes(customer_rows, READ_IMPORTS, IMPORTS)


async def test_events_and_reminders_that_sync_does_not_take_are_given_back(
    stack: Stack, customer: Customer, customer_rows: CustomerRows
) -> None:
    calendar_id = await a_calendar(customer)
    async with stalled(stack, "sync"):
        for number in range(BOOKINGS):
            at = datetime.now(UTC) + timedelta(days=number + 1)
            booking = {
                "calendarId": calendar_id,
                "contactId": str(uuid4()),
                "scheduledAt": at.strftime("%Y-%m-%dT%H:00:00Z"),
                "durationMinutes": 30,
            }
            await customer.api.post("/api/appointments", booking)
        await customer_rows.rows(
            "update scheduling.appointments set remind_at = now() where org_id = $1"
        )
        await becomes(customer_rows, EVENTS, 2 * BOOKINGS)

        async def claimed() -> dict[UUID, int]:
            return dict(await customer_rows.rows(CLAIMED_EVENTS))

        unspent = await until(claimed)
        await stop_in_grace(stack, "scheduling")
        waiting = dict(await customer_rows.rows(WAITING_EVENTS))
        assert len(waiting) == 2 * BOOKINGS
        assert waiting.items() >= unspent.items()
    await stack.start_program("scheduling")
    kinds = ["appointment_booked"] * BOOKINGS + ["appointment_reminder"] * BOOKINGS
    await becomes(customer_rows, TOLD_EVENTS, kinds)
    await customer_rows.verify()


async def a_page(stack: Stack, customer: Customer) -> None:
    """Has Meta know a page with conversations."""
    external_id = customer.org.page_id
    # Calls that it did not answer while it was stopped would count against the page's limit.
    for path, content_of in (
        ("", PageOrder(conversations=CONVERSATIONS, messages_min=1)),
        ("/behaviour", Behaviour(limits_calls=False)),
    ):
        url = f"{stack.meta_url}/_control/pages/{external_id}{path}"
        content = msgspec.json.encode(content_of)
        async with customer.api.session.put(url, data=content) as answer:
            answer.raise_for_status()


async def start_pull(customer: Customer) -> None:
    """A session that goes on by itself."""
    external_id = customer.org.page_id
    page = {"platform": "messenger", "facebookPageId": external_id, "accessToken": PAGE_TOKEN}
    connected = await posted(customer, "/api/pages", page)
    await posted(customer, f"/api/pages/{connected['page']['pageId']}/sync", {"mode": "full"})


async def test_a_pull_that_meta_does_not_answer_is_given_back(
    stack: Stack, customer: Customer, customer_rows: CustomerRows
) -> None:
    await a_page(stack, customer)
    async with stalled(stack, "meta"):
        await start_pull(customer)
        await becomes(customer_rows, RUNNING_PULLS, 1)
        await stop_in_grace(stack, "sync")
        assert await customer_rows.value(RETURNED_PULLS) == 1
    await stack.start_program("sync")
    await becomes(customer_rows, READ_PULLS, 1)
    assert await customer_rows.value(READ_CONVERSATIONS) == CONVERSATIONS
    await customer_rows.verify()
