"""One org sees nothing of another: through every function that reads, and by SQL as the service.

Org B's rows are made by each service's own functions, and shown to be there: each function answers
B, and then with the very same arguments answers A nothing.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.chassis.database import Database, pooled
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.migrate import Schema
from tests.conftest import config_for, with_login
from tests.conventions.schemas import NAMES, Admin, mending
from tests.schema.delivery import builders as delivery
from tests.schema.ingest import builders as ingest
from tests.schema.routing import builders as routing
from tests.schema.scheduling import bookings
from tests.schema.scheduling import builders as scheduling
from tests.schema.sync import builders as sync

READS = ("get_", "list_", "find_", "has_", "check_")
# Where a page starts: from the beginning.
POSITIONS = ("p_before", "p_after", "p_start")
# Sub-steps of others, which ran `set_tenant`; they are seen through those.
STEPS = {"get_outbox_trace", "get_repeats_trace", "find_dedupe_holders", "find_lead_outcomes"}


async def seed_ingest(database: Database) -> UUID:
    """An org with a lead of a page, a message and a dead letter."""
    org = await ingest.an_org(database)
    page = await ingest.a_source(database, org.org_id)
    await ingest.a_lead_item(database, page)
    message = ingest.a_message()
    await ingest.create(
        database, ingest.called(org, ingest.a_new_lead(org.source_id, message=message))
    )
    token, dead = await ingest.a_claimed_item(database, external_id="2")
    await ingest.settle(database, token, dead, "dead_letter", reason="gone")
    return org.org_id


async def seed_routing(database: Database) -> UUID:
    """An org with a routed lead and one that waits for a retry."""
    org_id = uuid4()
    workspace_id = await routing.a_workspace(database, org_id)
    await routing.a_rule(database, org_id, workspace_id)
    await routing.a_routed_lead(database, org_id, workspace_id, [routing.a_hash()])
    lead_id = await routing.a_lead(database, org_id)
    token = new_id()
    await routing.acquire(database, token=token)
    await routing.fail(database, token, org_id, lead_id)
    return org_id


async def seed_delivery(database: Database) -> UUID:
    """An org with a delivered offer, one that is being sent and one without credit."""
    workspace = await delivery.a_workspace(database, credits=2)
    sent = await delivery.offered(database, workspace)
    await delivery.complete(database, sent)
    await delivery.offered(database, workspace, 2)
    token = uuid4()
    rows = await delivery.claim(database, token=token)
    await delivery.finish(database, rows[:1], token, action="retry", reason="busy")
    return workspace.org_id


async def seed_scheduling(database: Database) -> UUID:
    """An org with something in every table: booked, held, waited for and closed from elsewhere."""
    org_id, tomorrow = uuid4(), scheduling.later(24 * 60)
    calendar_id = await scheduling.a_calendar(database, org_id)
    await scheduling.add_exception(database, org_id, calendar_id, tomorrow.date(), "closed", 0, 60)
    await scheduling.holidays(database, org_id, "DE", tomorrow.date())
    await scheduling.a_service(database, org_id, [calendar_id])
    await bookings.book_series(database, org_id, calendar_id, [tomorrow])
    await bookings.hold(database, org_id, calendar_id, scheduling.later(26 * 60))
    await bookings.join(database, org_id, calendar_id, tomorrow, scheduling.later(25 * 60))
    await scheduling.an_import(database, org_id, calendar_id, scheduling.later(30 * 60))
    return org_id


async def seed_sync(database: Database) -> UUID:
    """An org with a page that is being pulled, a conversation, an event of a lead and rejects."""
    org_id = uuid4()
    await sync.a_pulled_page(database, org_id)
    return org_id


# Empty here: delivery hands nothing over yet.
UNSEEDED = {"outbox"}
# What every service has alike: a request that was made twice.
ASKED_TWICE = """
  with asked as (
    insert into {service}.requests (org_id, request_id, content_hash, created_at, trace_id)
    values ($1, 'r1', 'a', now(), repeat('a', 32))
    returning *
  )
  insert into {service}.repeats (org_id, call, subject, repeat_count, first_repeated_at,
    last_repeated_at, trace_id, last_trace_id)
  select org_id, 'request', request_id, 1, created_at, created_at, trace_id, repeat('b', 32)
  from asked
"""
SEEDS = {
    "ingest": seed_ingest,
    "routing": seed_routing,
    "delivery": seed_delivery,
    "scheduling": seed_scheduling,
    "sync": seed_sync,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A service's schema where org B lives."""

    service: str
    database: Database
    admin: Admin
    org_b: UUID

    async def values_of(self, column: str, of_type: str) -> list[Any]:
        """What B's rows hold in columns of that name; a few of them."""
        tables = await self.admin.fetch(
            "select c.relname as name from pg_class c"
            " join pg_attribute a on a.attrelid = c.oid and a.attname = $2"
            " join pg_attribute o on o.attrelid = c.oid and o.attname = 'org_id'"
            " where c.relnamespace = $1::regnamespace and c.relkind = 'r'"
            " and format_type(a.atttypid, null) = any ($3)",
            self.service, column, [of_type, f"{self.service}.trace_id"],
        )  # fmt: skip
        found: list[Any] = []
        for table in tables:
            rows = await self.admin.fetch(
                f"select distinct {column} as value from {self.service}.{table['name']}"
                f" where org_id = $1 and {column} is not null limit 3",
                self.org_b,
            )
            found += [row["value"] for row in rows if row["value"] not in found]
        return found


@asynccontextmanager
async def house_of(service: str, database_url: str, admin: Admin) -> AsyncIterator[House]:
    config = config_for(with_login(database_url, Schema(name=service).login))
    async with pooled(service, config) as database:
        org_b = await SEEDS[service](database)
        await admin.execute(ASKED_TWICE.format(service=service), org_b)
        yield House(service=service, database=database, admin=admin, org_b=org_b)


async def readers(admin: Admin, service: str) -> list[asyncpg.Record]:
    """Functions that read for one org, with the names and types of what they take."""
    return await admin.fetch(
        "select p.proname as name, p.proargnames[1:p.pronargs] as names,"
        " array(select format_type(t, null) from unnest(p.proargtypes) t) as types,"
        " p.pronargdefaults as defaults"
        " from pg_proc p where p.pronamespace = $1::regnamespace and not p.prosecdef"
        " and p.proname ~ $2 and p.proargnames[1] in ('p_org_id', 'p_org_ids') order by 1",
        service, f"^({'|'.join(READS)})",
    )  # fmt: skip


async def argument_sets(house: House, function: asyncpg.Record) -> Iterator[dict[str, Any]]:
    """Ways to ask for B's things: ids from its rows, each kind of search, null for what may be."""
    choices: dict[str, list[Any]] = {}
    required = len(function["names"]) - function["defaults"]
    pairs = list(zip(function["names"], function["types"], strict=True))[1:required]
    for name, of_type in pairs:
        column = name.removeprefix("p_").removeprefix("of_")
        if name.startswith(POSITIONS):
            choices[name] = [None]
        elif name == "p_limit":
            choices[name] = [10]
        elif name == "p_kind":
            choices[name] = ["external_id" if house.service == "scheduling" else "lead_id"]
        elif name == "p_value":
            held = "appointment_id" if house.service == "scheduling" else "lead_id"
            choices[name] = [str(value) for value in await house.values_of(held, "uuid")]
        elif name == "p_from":
            choices[name] = [scheduling.NOW]
        elif name == "p_to":
            choices[name] = [scheduling.later(7 * 24 * 60)]
        elif of_type == "boolean":
            choices[name] = [False]
        elif name == "p_now":
            choices[name] = [await house.admin.fetchval("select timestamptz '2026-11-20 12:00Z'")]
        elif of_type.endswith("[]"):
            single = column.removesuffix("s")
            element = of_type.removesuffix("[]")
            names = [single] if single != "hashe" else ["hash"]
            values = [v for each in names for v in await house.values_of(each, element)]
            choices[name] = [[value] for value in values]
        else:
            choices[name] = [*await house.values_of(column, of_type), None]
    return (dict(zip(choices, values, strict=True)) for values in product(*choices.values()))


def says_something(rows: list[Any]) -> bool:
    """Whether any row has more in it than nulls, zeros and no."""
    return any(value not in (None, 0, False, "", []) for row in rows for value in row.values())


async def asked(house: House, function: asyncpg.Record, org: UUID, arguments: Any) -> bool:
    """Whether the function shows the org anything."""
    first = function["names"][0]
    own = [org] if first == "p_org_ids" else org
    try:
        rows = await house.database.rows(function["name"], **{first: own, **arguments})
    except DomainError as refusal:
        if not refusal.reason.endswith("_NOT_FOUND"):
            raise
        return False
    own_id = {str(org), *(str(each) for each in arguments.values())}
    answers = [
        {key: value for key, value in row.items() if str(value) not in own_id} for row in rows
    ]
    return says_something(answers)


@pytest.mark.parametrize("service", NAMES)
async def test_no_reading_function_tells_one_org_of_another(
    service: str, database_url: str, admin: Admin
) -> None:
    async with house_of(service, database_url, admin) as house:
        functions = [f for f in await readers(admin, service) if f["name"] not in STEPS]
        assert functions
        unseen = []
        for function in functions:
            seen = 0
            for arguments in await argument_sets(house, function):
                if await asked(house, function, house.org_b, arguments):
                    seen += 1
                    assert not await asked(house, function, uuid4(), arguments), mending(
                        f"{service}.{function['name']}({arguments}) answers another org",
                        "filter by org_id and do not read it with a definer's rights",
                    )
            if not seen:
                unseen.append(function["name"])
        assert not unseen, mending(
            unseen, "seed what these functions answer from, so that the test can fail"
        )


async def org_tables(admin: Admin, service: str) -> list[str]:
    rows = await admin.fetch(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where c.relnamespace = $1::regnamespace and c.relkind = 'r' and a.attname = 'org_id'"
        " order by 1",
        service,
    )
    return [row["relname"] for row in rows]


@pytest.mark.parametrize("service", NAMES)
async def test_plain_sql_as_the_service_sees_only_the_orgs_that_were_entered(
    service: str, database_url: str, admin: Admin
) -> None:
    login = with_login(database_url, Schema(name=service).login)
    async with house_of(service, database_url, admin) as house:
        connection = await asyncpg.connect(login)
        try:
            empty = []
            for table in await org_tables(admin, service):
                there = await admin.fetchval(
                    f"select count(*) from {service}.{table} where org_id = $1", house.org_b
                )
                if not there:
                    empty.append(table)
                assert await _seen(connection, service, table, []) == 0, table
                assert await _seen(connection, service, table, [uuid4()]) == 0, table
                assert await _seen(connection, service, table, [house.org_b]) == there, table
            assert set(empty) <= UNSEEDED, mending(empty, "seed these tables, so that it can fail")
        finally:
            await connection.close()


async def _seen(
    connection: "asyncpg.Connection[asyncpg.Record]", service: str, table: str, orgs: list[UUID]
) -> int:
    """Rows that a statement sees after `set_tenant`; 0 where the role may not read the table."""
    async with connection.transaction():
        if orgs:
            await connection.execute(f"select {service}.set_tenant($1)", orgs)
        counted: int = await connection.fetchval(f"select count(*) from {service}.{table}")
        return counted


@pytest.mark.parametrize("service", NAMES)
async def test_plain_sql_as_the_service_writes_only_rows_of_orgs_that_were_entered(
    service: str, database_url: str, admin: Admin
) -> None:
    login = with_login(database_url, Schema(name=service).login)
    async with house_of(service, database_url, admin) as house:
        connection = await asyncpg.connect(login)
        insert = (
            f"insert into {service}.requests (org_id, request_id, content_hash, created_at,"
            " trace_id) values ($1, 'r', 'h', now(), repeat('a', 32))"
        )
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(insert, house.org_b)
            async with connection.transaction():
                await connection.execute(f"select {service}.set_tenant($1)", [house.org_b])
                await connection.execute(insert, house.org_b)
            # What was entered ended with its transaction.
            changed = await connection.execute(f"update {service}.requests set content_hash = 'x'")
            assert changed == "UPDATE 0"
        finally:
            await connection.close()


def test_the_seeds_cover_every_service() -> None:
    assert set(SEEDS) == set(NAMES), mending(
        set(SEEDS) ^ set(NAMES), "write a seed for the service in this file"
    )
