"""`waybill verify`: 0 when all rows are consistent, else 1, naming the row that is not."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg
import pytest

from deploy.local.sample_customer import Customer
from deploy.local.samples import Samples
from deploy.local.stack import Stack

Rows: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """What is done to one row of a table behind everybody's back, and which equation sees it."""

    service: str
    equation: str
    table: str
    sql: str
    constraint: str | None = None
    """A check that must be out of the way first."""

    def __str__(self) -> str:
        return f"{self.service}: {self.equation}"


ONE = "where ctid = (select min(ctid) from {table})"

LEAD_PATH = ("ingest", "routing", "delivery")
TAMPERINGS = [
    Tampering(
        service="ingest",
        equation="received = pending + stored + duplicate + ignored + dead",
        table="ingest.webhook_items",
        sql="delete from {table} " + ONE,
    ),
    Tampering(
        service="ingest",
        equation="each log row counts its items",
        table="ingest.webhook_delivery_log",
        sql="update {table} set item_count = item_count + 1 " + ONE,
    ),
    Tampering(
        service="ingest",
        equation="each stored lead item made its lead",
        table="ingest.leads",
        sql="delete from {table} where external_id is not null",
    ),
    Tampering(
        service="ingest",
        equation="each provider lead is one lead",
        table="ingest.lead_sources",
        sql="update {table} set lead_id = gen_random_uuid()",
    ),
    Tampering(
        service="ingest",
        equation="each lead is handed to routing",
        table="ingest.outbox",
        sql="delete from {table} " + ONE,
    ),
    Tampering(
        service="ingest",
        equation="no lead without a trace",
        table="ingest.leads",
        sql="update {table} set trace_id = repeat('a', 32) " + ONE,
    ),
    Tampering(
        service="ingest",
        equation="no handoff was refused",
        table="ingest.outbox",
        sql="update {table} set status = 'refused' " + ONE,
    ),
    Tampering(
        service="ingest",
        equation="no open item without a worker",
        table="ingest.webhook_items",
        sql="update {table} set status = 'pending', settled_at = null, kind = 'change' " + ONE,
    ),
    Tampering(
        service="ingest",
        equation="each duplicate item names what it repeats",
        table="ingest.webhook_items",
        sql="update {table} set status = 'duplicate', lead_id = gen_random_uuid() " + ONE,
    ),
    Tampering(
        service="ingest",
        equation="each stored message item has its message",
        table="ingest.webhook_items",
        sql="update {table} set status = 'stored', kind = 'message', external_id = 'gone' " + ONE,
    ),
    Tampering(
        service="ingest",
        equation="messages and leads have their conversation",
        table="ingest.conversations",
        sql="delete from {table} " + ONE,
    ),
    Tampering(
        service="routing",
        equation="leads: enqueued = pending + routing + routed + failed + expired",
        table="routing.leads",
        sql="update {table} set due_at = now() + interval '1 day' where routing_status = 'routed'",
    ),
    Tampering(
        service="routing",
        equation="each routed lead has one offer in the outbox",
        table="routing.outbox",
        sql="delete from {table}",
    ),
    Tampering(
        service="routing",
        equation="no lead without a trace",
        table="routing.leads",
        sql="update {table} set trace_id = repeat('a', 32)",
    ),
    Tampering(
        service="routing",
        equation="each routed lead holds its dedupe hashes",
        table="routing.lead_dedupe_hashes",
        sql="delete from {table}",
    ),
    Tampering(
        service="routing",
        equation="each decided lead has a decision",
        table="routing.lead_routing_logs",
        sql="delete from {table}",
    ),
    Tampering(
        service="delivery",
        equation="one delivery per offer at LEAD_READY or SENT_TO_DEVELOPER",
        table="delivery.deliveries",
        sql="delete from {table}",
    ),
    Tampering(
        service="delivery",
        equation="sent offers have a completed delivery",
        table="delivery.deliveries",
        sql="update {table} set status = 'FAILED'",
    ),
    Tampering(
        service="delivery",
        equation="one consumption per delivered delivery",
        table="delivery.credit_transactions",
        sql="delete from {table} where type = 'CREDIT_CONSUMPTION'",
    ),
    Tampering(
        service="delivery",
        equation="ledger transactions add up to zero",
        table="delivery.credit_transactions",
        sql="update {table} set to_balance_after = to_balance_after + 1",
    ),
    Tampering(
        service="delivery",
        equation="balances equal the sum of their entries",
        table="delivery.credit_accounts",
        sql="update {table} set granted = granted + 1, available = available + 1",
    ),
    Tampering(
        service="delivery",
        equation="no negative balance",
        table="delivery.credit_accounts",
        sql="update {table} set available = -1",
        constraint="credit_accounts_available_check",
    ),
    Tampering(
        service="delivery",
        equation="held equals live holds",
        table="delivery.credit_holds",
        sql="update {table} set status = 'live'",
    ),
    Tampering(
        service="delivery",
        equation="each attempt belongs to a credit held for its delivery",
        table="delivery.attempts",
        sql="update {table} set hold_id = gen_random_uuid()",
    ),
    Tampering(
        service="delivery",
        equation="each offer has an event for every step",
        table="delivery.lead_events",
        sql="delete from {table} where to_status = 'ENGAGED'",
    ),
    Tampering(
        service="delivery",
        equation="no row without a trace",
        table="delivery.deliveries",
        sql="update {table} set trace_id = repeat('a', 32)",
    ),
    Tampering(
        service="delivery",
        equation="each completed delivery was accepted, or completed by hand",
        table="delivery.delivery_endpoints",
        sql="delete from {table}",
    ),
    Tampering(
        service="delivery",
        equation="each try at an endpoint has its attempt",
        table="delivery.attempts",
        sql="delete from {table}",
    ),
    Tampering(
        service="delivery",
        equation="each delivery, event and charge is of its offer's lead and workspace",
        table="delivery.deliveries",
        sql="update {table} set lead_id = gen_random_uuid()",
    ),
    Tampering(
        service="delivery",
        equation="each delivery, event and charge is of its offer's lead and workspace",
        table="delivery.lead_offers",
        sql="update {table} set lead_id = gen_random_uuid()",
    ),
    Tampering(
        service="delivery",
        equation="each ledger entry has its transaction",
        table="delivery.credit_transactions",
        sql="delete from {table} where type = 'CREDIT_GRANT'",
    ),
    Tampering(
        service="delivery",
        equation="each offer and each ended delivery is in the outbox for the timeline",
        table="delivery.outbox",
        sql="delete from {table} where payload ->> 'type' = 'offer_made'",
    ),
    Tampering(
        service="ingest and routing",
        equation="ingest.leads_handed_over = routing.leads_taken_over",
        table="routing.leads",
        sql="delete from {table}",
    ),
    Tampering(
        service="routing and delivery",
        equation="routing.offers_handed_over = delivery.offers_taken_over",
        table="delivery.lead_offers",
        sql="delete from {table}",
    ),
    Tampering(
        service="delivery and sync",
        equation="delivery.delivery_events_handed_over = sync.events_taken_over_from_delivery",
        table="sync.told_events",
        sql="delete from {table} where teller = 'delivery'",
    ),
]


async def waybill(stack: Stack, customer: Customer, *arguments: str) -> tuple[int, str]:
    """Runs the command as a person would; exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.console",
        *arguments,
        env=stack.environment(customer.org_id, customer.app_secret, customer.verify_token),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, progress = await process.communicate()
    assert b"Traceback" not in progress, progress.decode()
    return process.returncode or 0, output.decode()


@asynccontextmanager
async def tampered(rows: Rows, tampering: Tampering) -> AsyncIterator[None]:
    """One tampering, undone afterwards; triggers and foreign keys look away meanwhile."""
    table = tampering.table
    await rows.execute(f"create table public.untouched as table {table}")
    await rows.execute("set session_replication_role = replica")
    definition = await drop_checks(rows, tampering)
    try:
        done = await rows.execute(tampering.sql.format(table=table))
        assert done.split()[-1] != "0", "the tampering must find a row"
        yield
    finally:
        await rows.execute(f"delete from {table}")
        await rows.execute(f"insert into {table} select * from public.untouched")
        for statement in definition:
            await rows.execute(statement)
        await rows.execute("reset session_replication_role")
        await rows.execute("drop table public.untouched")


async def drop_checks(rows: Rows, tampering: Tampering) -> list[str]:
    """Drops the table's checks where the tampering asks for it; answers how to add them again."""
    if tampering.constraint is None:
        return []
    checks = await rows.fetch(
        """select conname, pg_get_constraintdef(oid) as definition from pg_constraint
           where conrelid = $1::text::regclass and contype = 'c'""",
        tampering.table,
    )
    assert tampering.constraint in {check["conname"] for check in checks}
    for check in checks:
        await rows.execute(f"alter table {tampering.table} drop constraint {check['conname']}")
    return [
        f"alter table {tampering.table} add constraint {check['conname']} {check['definition']}"
        for check in checks
    ]


async def test_the_rows_of_the_samples_are_consistent(
    stack: Stack, customer: Customer, samples: Samples
) -> None:
    for sample in samples.all():
        await sample()
    code, output = await waybill(stack, customer, "verify")
    assert code == 0, output
    code, output = await waybill(stack, customer, "verify", "--json")
    report = json.loads(output)
    equations = {
        each["name"]
        for service in report["services"]
        if service["service"] in LEAD_PATH
        for each in service["equations"]
    }
    within = {each.equation for each in TAMPERINGS if " and " not in each.service}
    assert equations == within, "each equation has a tampering that breaks it"


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=str)
async def test_each_equation_names_the_row_that_was_tampered_with(
    stack: Stack, customer: Customer, rows: Rows, samples: Samples, tampering: Tampering
) -> None:
    if not await rows.fetchval("select exists (select from delivery.credit_transactions)"):
        await samples.lead_ads()
    async with tampered(rows, tampering):
        code, output = await waybill(stack, customer, "verify", "--json")
    assert code == 1, output
    assert tampering.equation in broken(json.loads(output)), output


async def test_rows_whose_settling_was_lost_are_in_flight_until_their_lease_ran_out(
    stack: Stack, customer: Customer, rows: Rows, samples: Samples
) -> None:
    if not await rows.fetchval("select exists (select from delivery.credit_transactions)"):
        await samples.lead_ads()
    # As a relay leaves it whose database ended between the call and the settling.
    lost = await rows.execute(
        """update routing.outbox
           set status = 'pending', settled_at = null, claim_token = gen_random_uuid(),
             claimed_at = now(), claim_expires_at = now() + interval '10 minutes'
           where topic = 'delivery.offer_leads' and status = 'sent'
             and ctid = (select min(ctid) from routing.outbox
               where topic = 'delivery.offer_leads' and status = 'sent')"""
    )
    assert lost == "UPDATE 1"
    code, output = await waybill(stack, customer, "verify")
    assert (code, "1 in flight, read again" in output) == (0, True), output
    assert json.loads((await waybill(stack, customer, "verify", "--json"))[1])["in_flight"] == 1
    # The lease runs out: the relay hands it over again, delivery has it already, and it is settled.
    await rows.execute(
        "update routing.outbox set claim_expires_at = now() where status = 'pending'"
    )
    code, output = await waybill(stack, customer, "verify")
    assert (code, "Everything is consistent." in output) == (0, True), output


def broken(report: dict[str, Any]) -> set[str]:
    """Names of the equations that do not hold, each with rows named where it is one service's."""
    names = set()
    for service in report["services"]:
        for equation in service["equations"]:
            if not equation["holds"]:
                assert equation["violations"], equation
                names.add(equation["name"])
    return names | {each["name"] for each in report["handoffs"] if not each["holds"]}
