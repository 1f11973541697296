"""Canaries: what is personal or secret goes through every path, good and bad, and is seen nowhere.

Nowhere: in no log of a process, the edge, the sandbox or PostgreSQL, no live span, metric, refusal
or waterfall.
"""

import json
import secrets
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from deploy.local.ports import free_port
from deploy.local.sample_customer import PAGE_TOKEN, Customer
from deploy.local.stack import HOST, SANDBOX, Options, Stack, running_stack
from sandbox.calendars import Calendars, calendars_served
from sandbox.meta_webhooks import (
    LeadChange,
    PageMessage,
    WhatsAppText,
    instagram_text,
    leadgen,
    messenger_text,
    whatsapp_text,
)
from tests.chaos.canaries import (
    ADDRESS,
    FORGED,
    MAIL,
    NAME,
    PHONE,
    SIGNING_SECRET,
    TEXT,
    Nest,
    Outside,
    a_phone,
)
from tests.chaos.canary_bookings import Bookings
from tests.chaos.canary_pages import Pages
from tests.chaos.collector import Collector, collecting
from tests.chaos.conftest import SETTINGS
from tests.chaos.customer_rows import CustomerRows, waybill
from tests.system.conftest import discard
from tests.system.waiting import until

SERVICES: Final = ("ingest", "routing", "delivery", "scheduling", "sync")
METRICS_PORTS: Final = {name: free_port() for name in SERVICES}

# As the database itself does where a constraint fails: the detail quotes the row.
QUOTING: Final = """
create function {schema}.quote_it() returns trigger language plpgsql as $$
begin
  if position('{sign}' in new::text) > 0 then
    raise exception 'this row is bad' using detail = 'Failing row contains ' || new::text;
  end if;
  return new;
end;
$$;
create trigger quote_it before insert on {schema}.{table}
for each row execute function {schema}.quote_it();
"""


@pytest.fixture(scope="module")
async def collector() -> AsyncIterator[Collector]:
    """Where live spans go."""
    async with collecting() as started:
        yield started


@pytest.fixture(scope="module")
async def stack(
    tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> AsyncIterator[Stack]:
    """A system with everything on that can report_progress: live spans, metrics, logs in full."""
    env = dict(SETTINGS)
    for name in SERVICES:
        prefix = f"WAYBILL_{name.upper()}_"
        env[prefix + "OTLP_ENDPOINT"] = collector.endpoint
        env[prefix + "METRICS_LISTEN"] = f"{HOST}:{METRICS_PORTS[name]}"
        env[prefix + "LOG_LEVEL"] = "DEBUG"
    options = Options(edge_port=free_port(), service_env=env)
    async with running_stack(tmp_path_factory.mktemp("canaries"), options, discard) as started:
        yield started


@pytest.fixture
async def calendars() -> AsyncIterator[Calendars]:
    """Calendars of elsewhere."""
    async with calendars_served() as served:
        yield served


@pytest.fixture
def nest(stack: Stack, customer: Customer) -> Nest:
    """Canaries of the customer's."""
    return Nest(
        canaries={
            NAME,
            MAIL,
            TEXT,
            FORGED,
            ADDRESS,
            PAGE_TOKEN,
            PHONE,
            SIGNING_SECRET,
            customer.app_secret,
            customer.verify_token,
            customer.api.token,
            *(stack.keys.token_file(name).read_text().strip() for name in SERVICES),
        }
    )


async def good_and_bad_input(outside: Outside, customer: Customer) -> None:
    """Leads that are taken, and input that is refused for every reason there is."""
    await outside.buyer("alpha", an_echo(500), 1)
    await outside.buyer("alpha", an_echo(400), 1)
    assert await outside.lead(a_phone(1)) == 200
    assert await outside.lead(a_phone(2)) == 200
    assert await outside.lead(a_phone(3), token=FORGED) == 401
    assert await outside.lead(a_phone(3), token=f"{customer.api.token[:-9]}{FORGED}") == 401
    assert await outside.lead(f"{a_phone(4)}{a_phone(4)}") == 400
    assert await outside.lead(a_phone(4), type=NAME) == 400
    assert await outside.lead(a_phone(4), details=f"{TEXT}\0") == 400
    assert await outside.lead(a_phone(4), customer_name=NAME * 99) == 400
    assert await outside.lead(a_phone(4), customer_name={"first": NAME}) == 400
    assert await outside.lead(a_phone(4), colour=TEXT) == 400
    assert await outside.webhook(f'{{"text": "{TEXT}"'.encode()) == 400
    assert await outside.webhook(whatsapp_text(a_text(customer, 5)), secret=FORGED) == 401
    assert await outside.handshake(customer.verify_token) == 200
    assert await outside.handshake(FORGED) == 403


def an_echo(status: int) -> dict[str, Any]:
    """A buyer that answers what it was sent."""
    echo = {"error": f"cannot take {NAME} {MAIL} {a_phone(1)} +49{a_phone(1)[1:]}: {TEXT}"}
    return {"fault": "answer", "status": status, "body": echo}


def a_text(customer: Customer, number: int) -> WhatsAppText:
    return WhatsAppText(
        message_id=f"wamid.{secrets.token_hex(8)}",
        text=TEXT,
        profile_name=NAME,
        wa_id=f"49{a_phone(number)[1:]}",
        phone_number_id=customer.org.phone_number_id,
    )


async def messages_and_answers(outside: Outside, customer: Customer) -> None:
    """Messages and Lead Ads, with errors of the Graph API that quote what they were asked."""
    assert await outside.webhook(whatsapp_text(a_text(customer, 6), a_text(customer, 7))) == 200
    malformed = json.loads(whatsapp_text(a_text(customer, 8)))
    malformed["entry"][0]["changes"][0]["value"]["messages"][0]["text"] = [TEXT, NAME]
    assert await outside.webhook(json.dumps(malformed).encode()) == 200
    on_page = PageMessage(mid=f"m_{secrets.token_hex(8)}", text=TEXT, page_id=customer.org.page_id)
    assert await outside.webhook(messenger_text(on_page)) == 200
    account_id = f"{customer.org.page_id}7"
    source = {"kind": "instagram_account", "externalId": account_id, "defaultRegion": "DE"}
    await customer.api.post("/api/sources", {**source, "accessToken": PAGE_TOKEN})
    in_direct = PageMessage(mid=f"m_{secrets.token_hex(8)}", text=TEXT, page_id=account_id)
    assert await outside.webhook(instagram_text(in_direct)) == 200
    leadgen_id = int(customer.org.page_id) + 1
    answers = [
        {"name": "full_name", "values": [NAME]},
        {"name": "email", "values": [MAIL]},
        {"name": "phone_number", "values": [a_phone(9)]},
        {"name": "wishes", "values": [TEXT]},
    ]
    page_id = customer.org.page_id
    await outside.meta(f"leads/{leadgen_id}", {"page_id": page_id, "field_data": answers})
    quoting = {"fault": "error", "message": f"no {NAME} {MAIL} {a_phone(9)} {PAGE_TOKEN} {TEXT}"}
    await outside.meta("faults", {"id": str(leadgen_id), "times": 1, "is": quoting})
    change = LeadChange(leadgen_id=leadgen_id, page_id=int(page_id))
    assert await outside.webhook(leadgen(change)) == 200


async def have_the_database_quote(stack: Stack) -> None:
    """Has it refuse rows with a sign in them, in each service, and quote them."""
    admin = await asyncpg.connect(stack.database_url)
    try:
        for schema, table in (
            ("ingest", "leads"),
            ("routing", "lead_facts"),
            ("delivery", "lead_offers"),
            ("scheduling", "appointments"),
            ("sync", "contact_interaction_events"),
        ):
            await admin.execute(QUOTING.format(schema=schema, table=table, sign=f"db{schema}"))
    finally:
        await admin.close()


async def leads_that_are_quoted(outside: Outside) -> None:
    """Leads that the database refuses."""
    assert await outside.lead(a_phone(10), details=f"dbingest {TEXT}") == 500
    assert await outside.lead(a_phone(11), details=f"dbrouting {TEXT}") == 200
    assert await outside.lead(a_phone(12), details=f"dbdelivery {TEXT}") == 200


FAILED_HANDOFFS: Final = """
select (select count(*) from ingest.outbox where org_id = $1 and last_error = 'INTERNAL')
  + (select count(*) from routing.outbox where org_id = $1 and last_error = 'INTERNAL')"""
REPORTED_TO_SYNC: Final = """
select count(*) from ingest.outbox
where org_id = $1 and topic = 'sync.record_events' and status = 'sent'"""
LEFT_TO_REPORT: Final = """
select count(*) from scheduling.outbox where org_id = $1 and status = 'pending'"""
READ_CALENDARS: Final = """
select array_agg(coalesce(last_error, 'read') order by last_error) from scheduling.imports
where org_id = $1 and (imported_at is not null or last_error is not null)"""
# An answer of Meta's that quotes, a row that the database quotes, a token that is good no more.
ENDED_PULLS: Final = """
select array_agg(distinct outcome) from sync.sync_runs where org_id = $1"""
TRACES: Final = """
select distinct trace_id from ingest.webhook_items where org_id = $1
union select trace_id from ingest.leads where org_id = $1
union select trace_id from ingest.webhook_delivery_log where org_id = $1
union select trace_id from scheduling.appointments where org_id = $1
union select trace_id from scheduling.holds where org_id = $1
union select trace_id from scheduling.imports where org_id = $1
union select trace_id from sync.sync_state where org_id = $1
union select trace_id from sync.told_events where org_id = $1"""
# They need not say anything.
QUIET: Final = {f"log of {name}" for name in ("edge", *SANDBOX)}


async def test_canaries_are_seen_nowhere(
    stack: Stack,
    customer: Customer,
    nest: Nest,
    customer_rows: CustomerRows,
    collector: Collector,
    calendars: Calendars,
) -> None:
    outside = Outside(stack, customer, nest)
    await have_the_database_quote(stack)
    await good_and_bad_input(outside, customer)
    await messages_and_answers(outside, customer)
    await leads_that_are_quoted(outside)
    await Bookings(outside, customer, nest).all(calendars)
    await Pages(outside, customer).all()
    # Two posted (one of them rejected by its buyer), four messages and a Lead Ad.
    await customer_rows.delivered(6)

    async def handed_over() -> bool:
        failed, reported = (
            await customer_rows.value(FAILED_HANDOFFS),
            await customer_rows.value(REPORTED_TO_SYNC),
        )
        return bool(failed == 2 and reported == 2 and not await customer_rows.value(LEFT_TO_REPORT))

    await until(handed_over)

    async def calendars_are_read() -> bool:
        readings = await customer_rows.value(READ_CALENDARS)
        return bool(readings == ["it is not an iCalendar file (ValueError)", "status 404", "read"])

    await until(calendars_are_read)
    assert await customer_rows.value(ENDED_PULLS) == ["error", "finished", "token"]
    seen = {f"refusal {place}": text for place, text in enumerate(nest.refusals)}
    for row in await customer_rows.rows(TRACES):
        _, seen[f"waterfall {row[0]}"] = await waybill(stack, customer, "trace", row[0], "--json")
    for name, port in METRICS_PORTS.items():
        async with aiohttp.request("GET", f"http://{HOST}:{port}/metrics") as answer:
            seen[f"metrics of {name}"] = await answer.text()
    for name in ("edge", *SERVICES):
        # Stopped, so that it has exported every span and written every line.
        await stack.supervisor.stop(name)
    seen["live spans"] = b"".join(collector.exported).decode(errors="replace")
    for name in (*SERVICES, *SANDBOX, "edge", "access"):
        seen[f"log of {name}"] = (stack.state.logs / f"{name}.log").read_text()
    seen["log of PostgreSQL"] = stack.postgres.log_path.read_text()

    silent = {place for place, text in seen.items() if not text}
    assert silent <= QUIET, "each of the others says something"
    assert "deliver" in seen["live spans"]
    assert "waybill_work_seconds" in seen["metrics of delivery"]
    assert str(UUID(customer.org_id)) in seen["log of delivery"]
    found = [
        f"{place}: {canary!r} in {around(text, canary)!r}"
        for place, text in seen.items()
        for canary in nest.canaries
        if canary in text
    ]
    assert not found, "\n".join(found)


def around(text: str, canary: str) -> str:
    """Where in the text it was seen."""
    at = text.index(canary)
    return text[max(0, at - 200) : at + 100]
