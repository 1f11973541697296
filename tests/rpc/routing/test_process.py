"""The routing service as a process of its own: a lead comes in, its offer goes out."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
import msgspec
import pytest

from deploy.local.keys import Keys
from deploy.local.ports import free_port
from services.chassis.trace import new_root
from tests.conftest import with_login
from tests.rpc.routing.callers import Callers, a_lead, a_rule, a_workspace, enqueue, refused
from waybill.delivery.v1 import delivery_service_pb2 as delivery_pb
from waybill.delivery.v1 import delivery_service_pb2_grpc
from waybill.routing.v1 import routing_service_pb2 as pb

READY_SECONDS = 30


class FakeDelivery(delivery_service_pb2_grpc.DeliveryServiceServicer):
    """Takes every offer; the first call is answered with an outage."""

    def __init__(self) -> None:
        self.offers: asyncio.Queue[delivery_pb.LeadOffer] = asyncio.Queue()
        self.calls = 0

    async def OfferLeads(
        self, request: delivery_pb.OfferLeadsRequest, context: Any
    ) -> delivery_pb.OfferLeadsResponse:
        self.calls += 1
        if self.calls == 1:
            await context.abort(grpc.StatusCode.INTERNAL, "not yet")
        response = delivery_pb.OfferLeadsResponse()
        for offer in request.offers:
            await self.offers.put(offer)
            response.results.add(lead_id=offer.lead_id, outcome="accepted")
        return response


@pytest.fixture
async def delivery() -> AsyncIterator[tuple[FakeDelivery, int]]:
    """A fake of delivery, and its port."""
    # Of delivery's methods routing calls one.
    servicer, server = FakeDelivery(), grpc.aio.server()  # type: ignore[abstract]
    delivery_service_pb2_grpc.add_DeliveryServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield servicer, port
    finally:
        await server.stop(None)


@asynccontextmanager
async def routing_process(
    keys: Keys, database_url: str, delivery_port: int, log: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Callers]]:
    """`python -m services.routing`, ready; ended if it still runs afterwards."""
    port = free_port()
    settings = {
        "DATABASE_URL": with_login(database_url, "waybill_routing"),
        "LISTEN": f"127.0.0.1:{port}",
        "JWKS_FILE": str(keys.jwks_file),
        "TOKEN_FILE": str(keys.token_file("routing")),
        "SEALING_KEYS_FILE": str(keys.sealing_file),
        "DELIVERY_TARGET": f"127.0.0.1:{delivery_port}",
        "DEDUPE_SECRETS_FILE": str(keys.dedupe_file),
    }
    env = {**os.environ, **{f"WAYBILL_ROUTING_{key}": value for key, value in settings.items()}}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.routing"), env=env, stdout=output, stderr=output
        )
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            async with asyncio.timeout(READY_SECONDS):
                await channel.channel_ready()
            yield process, Callers(channel, keys)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_lead_is_offered_in_its_own_trace_although_delivery_was_down_at_first(
    keys: Keys, database_url: str, delivery: tuple[FakeDelivery, int], tmp_path: Path
) -> None:
    org_id, trace, log = uuid4(), new_root(), tmp_path / "routing.log"
    async with routing_process(keys, database_url, delivery[1], log) as (process, callers):
        tenant = callers.tenant(org_id)
        workspace = await a_workspace(tenant, offer_policy="manual")
        await a_rule(tenant, workspace.workspace_id)
        lead = a_lead(org_id, traceparent=trace.traceparent, details="Baker Street 221b")
        await enqueue(callers.service("ingest"), lead)
        async with asyncio.timeout(READY_SECONDS):
            offer = await delivery[0].offers.get()
        assert (offer.lead_id, offer.workspace_id) == (lead.lead_id, workspace.workspace_id)
        assert offer.offer_policy == "manual"
        assert offer.traceparent[3:35] == trace.trace_id
        assert msgspec.json.decode(offer.payload_json)["customer"]["name"] == "Ada Lovelace"
        routing = await tenant.GetRouting(pb.GetRoutingRequest(lead_id=lead.lead_id))
        assert (routing.status, routing.attempts) == ("routed", 1)
        assert UUID(routing.workspace_id) == UUID(workspace.workspace_id)
        process.terminate()
        async with asyncio.timeout(READY_SECONDS):
            assert await process.wait() == 0
    lines = log.read_text()
    assert '"route leads"' in lines
    for personal in ("Ada", "+49151", "Baker"):
        assert personal not in lines


NINETY = str([1] * 90)
COSTLY = f"{NINETY}.exists(a, {NINETY}.exists(b, lead.details.matches('(a?){{50}}b')))"
# Only on a lead of this name, which no dry run has, it is costly.
HIDDEN = f'lead.full_name == "Eve" ? {COSTLY} : false'


async def test_costly_rules_of_one_tenant_hold_up_no_other_tenant(
    keys: Keys, database_url: str, delivery: tuple[FakeDelivery, int], tmp_path: Path
) -> None:
    costly_org, other_org, log = uuid4(), uuid4(), tmp_path / "routing.log"
    async with routing_process(keys, database_url, delivery[1], log) as (_, callers):
        costly, other = callers.tenant(costly_org), callers.tenant(other_org)
        await a_rule(other, (await a_workspace(other)).workspace_id)
        workspace = await a_workspace(costly)
        async with refused() as refusal:
            await a_rule(costly, workspace.workspace_id, condition=COSTLY)
        assert refusal.reason == "CONDITION_REFUSED"
        hidden = [await a_rule(costly, workspace.workspace_id, condition=HIDDEN) for _ in range(4)]
        catch_all = await a_rule(costly, workspace.workspace_id)
        slow = a_lead(costly_org, full_name="Eve", details="a" * 10_000)
        more = [a_lead(costly_org, full_name="Eve", details="a" * 10_000) for _ in range(20)]
        lead = a_lead(other_org)

        async def offers() -> set[str]:
            await enqueue(callers.service("ingest"), slow)
            seen = {(await delivery[0].offers.get()).lead_id}
            await enqueue(callers.service("ingest"), *more, lead)
            while lead.lead_id not in seen:
                seen.add((await delivery[0].offers.get()).lead_id)
            return seen

        async with asyncio.timeout(READY_SECONDS):
            offering = asyncio.create_task(offers())
            health = set()
            while not offering.done():
                health.add(await callers.health())
            assert slow.lead_id in await offering
        assert health == {"SERVING"}
        request = pb.GetRoutingRequest(lead_id=slow.lead_id)
        (decision,) = (await costly.GetRouting(request)).decisions
        assert decision.rule_id == catch_all.rule_id
        timed_out = decision.candidates[:4]
        assert [candidate.rule_id for candidate in timed_out] == [rule.rule_id for rule in hidden]
        assert {candidate.result for candidate in timed_out} == {"error"}
        assert all(item.failing_predicate.startswith("OVERRAN: ") for item in timed_out)
    assert '"rule overran"' in log.read_text()


async def test_missing_settings_are_named_all_at_once(tmp_path: Path) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("WAYBILL_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.routing"),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    for name in ("DATABASE_URL", "LISTEN", "DELIVERY_TARGET", "DEDUPE_SECRETS_FILE"):
        assert f"WAYBILL_ROUTING_{name}" in errors.decode()
