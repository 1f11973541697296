"""What telemetry says of a system in trouble: every line is ours, every row's span is exported."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
import pytest

from deploy.local.ports import free_port
from deploy.local.stack import Options, Stack, running_stack
from tests.chaos.collector import Collector, collecting
from tests.chaos.conftest import SETTINGS
from tests.chaos.customer_rows import CustomerRows
from tests.chaos.lead_load import LeadLoad
from tests.system.conftest import discard
from tests.system.waiting import until

SERVICES: Final = ("ingest", "routing", "delivery", "scheduling", "sync")
LEADS: Final = 100
MESSENGER: Final = 2

# Every row that is a span, with the service and name of the span.
ROWS_THAT_ARE_SPANS: Final = """
select 'ingest', 'process ' || i.kind, a.attempt_trace_id
from ingest.item_attempts a join ingest.webhook_items i using (org_id, item_id)
where a.org_id = $1
union select 'routing', 'route lead', attempt_trace_id
from routing.lead_routing_logs where org_id = $1
union select 'delivery', 'deliver', substr(attempt_traceparent, 4, 32)
from delivery.attempts where org_id = $1"""
SPAN_NAMES: Final = {
    ("ingest", "process leadgen"),
    ("ingest", "process message"),
    ("routing", "route lead"),
    ("delivery", "deliver"),
}
TERMINATE: Final = """
select pg_terminate_backend(pid) from pg_stat_activity where usename like 'waybill%'"""
# As the database does where a constraint fails that nobody has thought of.
REFUSE_LEADS: Final = """
create function ingest.refuse_it() returns trigger language plpgsql as $$
begin
  if new.details like 'a bug%' then
    raise exception 'this row is bad';
  end if;
  return new;
end;
$$;
create trigger refuse_it before insert on ingest.leads
for each row execute function ingest.refuse_it()"""
# What a process says about itself, outside of any unit of work.
ABOUT_ITSELF: Final = {
    "serving",
    "readiness changed",
    "the database does not answer",
    "loop waits out an outage",
    "tick left to the next",
    "log lines were dropped",
    "live spans are lost: the collector does not take them",
}


@pytest.fixture(scope="module")
async def collector() -> AsyncIterator[Collector]:
    """Where live spans go."""
    async with collecting() as started:
        yield started


@pytest.fixture(scope="module")
async def stack(
    tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> AsyncIterator[Stack]:
    """A system whose services all export their spans."""
    endpoints = {f"WAYBILL_{name.upper()}_OTLP_ENDPOINT": collector.endpoint for name in SERVICES}
    options = Options(edge_port=free_port(), service_env=SETTINGS | endpoints)
    async with running_stack(tmp_path_factory.mktemp("telemetry"), options, discard) as started:
        yield started


async def test_every_row_that_is_a_span_has_its_live_span(
    collector: Collector, lead_load: LeadLoad, customer_rows: CustomerRows
) -> None:
    await lead_load.send(LEADS)
    for _ in range(MESSENGER):
        await lead_load.messenger()
    await customer_rows.delivered(LEADS + MESSENGER)
    wanted = {tuple(row) for row in await customer_rows.rows(ROWS_THAT_ARE_SPANS)}
    assert {(service, name) for service, name, _ in wanted} == SPAN_NAMES

    async def all_are_exported() -> bool:
        exported = {(each.service, each.name, each.trace_id) for each in collector.spans()}
        return wanted <= exported

    await until(all_are_exported)


async def ended_connections(stack: Stack) -> None:
    """Ends every connection of every service."""
    admin = await asyncpg.connect(stack.database_url)
    try:
        await admin.execute(TERMINATE)
    finally:
        await admin.close()


async def internal(stack: Stack, lead_load: LeadLoad) -> str:
    """The trace id that a caller gets with an INTERNAL answer."""
    admin = await asyncpg.connect(stack.database_url)
    try:
        await admin.execute(REFUSE_LEADS)
    finally:
        await admin.close()
    body = {"customer_phone": "015155555555", "type": "order", "details": "a bug of ours"}
    headers = {"Authorization": f"Bearer {lead_load.customer.api.token}"}
    url = f"{stack.edge_url}/api/leads"
    async with lead_load.session.post(url, json=body, headers=headers) as answer:
        assert answer.status == 500
        return str((await answer.json())["details"][0]["metadata"]["trace_id"])


def lines_of(stack: Stack, service: str) -> list[dict[str, Any]]:
    """A service's log; fails where a line is not JSON."""
    text = (stack.state.logs / f"{service}.log").read_text()
    return [json.loads(line) for line in text.splitlines()]


async def test_every_line_of_a_system_in_trouble_is_json_and_traced(
    stack: Stack, lead_load: LeadLoad, customer_rows: CustomerRows
) -> None:
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(lead_load.send(LEADS))
        await lead_load.accepts(LEADS // 5)
        await ended_connections(stack)
        await stack.supervisor.kill("routing")
        await stack.start_program("routing")
        await lead_load.accepts(LEADS // 2)
        await stack.postgres.kill()
        await stack.postgres.start()
        await sending
    await customer_rows.check_consistency(LEADS)
    trace_id = await internal(stack, lead_load)
    for name in SERVICES:
        # So that it has written every line.
        await stack.supervisor.stop(name)
    lines = {name: lines_of(stack, name) for name in SERVICES}

    bad = [
        line
        for name, of_service in lines.items()
        for line in of_service
        if line.get("service") != name or not line.get("time") or not is_traced(line)
    ]
    assert not bad, bad[:5]
    uncaught = [line for line in lines["ingest"] if line["event"] == "uncaught"]
    assert [line["trace_id"] for line in uncaught] == [trace_id]
    refused = [line for line in lines["ingest"] if line.get("outcome") == "INTERNAL"]
    assert [(line["reason"], line["trace_id"]) for line in refused] == [("INTERNAL", trace_id)]


def is_traced(line: dict[str, Any]) -> bool:
    """Whether the line has a trace, or is one of those that have none."""
    return "trace_id" in line or "logger" in line or line["event"] in ABOUT_ITSELF
