"""The dispatcher against buyers' endpoints over real HTTP."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.chassis.webhook_signatures import SigningSecret, verify
from tests.rpc.delivery.world import Buyer, SendingWorld, Workspace
from waybill.delivery.v1 import delivery_service_pb2 as pb

MakeBuyer = Callable[[str], Buyer]


async def send(world: SendingWorld) -> None:
    """Sends what is due, and waits until it is reported back."""
    async with world.dispatcher:
        await world.dispatcher.step()


async def outcomes(workspace: Workspace, delivery_id: str) -> list[tuple[str, int]]:
    """Outcome and HTTP status of each attempt."""
    answer = await workspace.get_delivery(delivery_id)
    return [(attempt.outcome, attempt.status_code) for attempt in answer.attempts]


async def status(workspace: Workspace, delivery_id: str) -> tuple[str, str]:
    """Status, and what it waits for."""
    delivery = (await workspace.get_delivery(delivery_id)).delivery
    return delivery.status, delivery.waiting_for


async def test_a_lead_arrives_signed_byte_for_byte_and_is_paid_for(
    world: SendingWorld, buyer: MakeBuyer
) -> None:
    acme = buyer("acme")
    workspace = await world.a_workspace(credits=1)
    secret = (await workspace.an_endpoint(acme.url)).secret
    await acme.verify_with(secret)
    delivery_id = await workspace.a_delivery()
    await send(world)
    (request,) = await acme.received(1)
    assert request["body"] == '{"customer": {"name": "Ada",  "phone": "+4915112345678"}}'
    assert request["webhook_id"] == delivery_id
    assert request["verified"]
    assert verify(
        request["headers"],
        request["body"].encode(),
        [SigningSecret.parse(secret)],
        datetime.now(UTC),
    )
    assert await status(workspace, delivery_id) == ("DELIVERED", "")
    assert await outcomes(workspace, delivery_id) == [("accepted", 200)]
    assert await workspace.balance() == (0, 0, 1)


@pytest.mark.parametrize(("overlap_seconds", "old_verifies"), [(None, True), (0, False)])
async def test_a_rotated_secret_signs_and_the_one_before_while_it_may(
    world: SendingWorld, buyer: MakeBuyer, overlap_seconds: int | None, old_verifies: bool
) -> None:
    acme = buyer("acme")
    workspace = await world.a_workspace(credits=1)
    made = await workspace.an_endpoint(acme.url)
    request = pb.RotateEndpointSecretRequest(
        endpoint_id=made.endpoint.endpoint_id, request_id="r", overlap_seconds=overlap_seconds
    )
    answers = [await workspace.tenant.RotateEndpointSecret(request) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0].endpoint == made.endpoint
    await workspace.a_delivery()
    await send(world)
    (received,) = await acme.received(1)
    for secret, verifies in ((answers[0].secret, True), (made.secret, old_verifies)):
        parsed, body = SigningSecret.parse(secret), received["body"].encode()
        verified = verify(received["headers"], body, [parsed], datetime.now(UTC))
        assert verified is verifies


@pytest.mark.parametrize(
    ("code", "outcome", "ends_as"),
    [
        (204, "accepted", ("DELIVERED", "")),
        (302, "redirected", ("PENDING", "retry")),
        (400, "rejected", ("DEAD_LETTER", "")),
        (404, "rejected", ("DEAD_LETTER", "")),
        (408, "retry", ("PENDING", "retry")),
        (409, "returned", ("FAILED", "")),
        (422, "returned", ("FAILED", "")),
        (425, "retry", ("PENDING", "retry")),
        (429, "throttled", ("PENDING", "retry")),
        (500, "retry", ("PENDING", "retry")),
        (502, "throttled", ("PENDING", "retry")),
        (503, "throttled", ("PENDING", "retry")),
        (504, "throttled", ("PENDING", "retry")),
    ],
)
async def test_each_answer_means_what_the_table_says(
    code: int, outcome: str, ends_as: tuple[str, str], world: SendingWorld, buyer: MakeBuyer
) -> None:
    acme = buyer("acme")
    details: dict[str, Any] = {"headers": {"Location": acme.url}} if code == 302 else {}
    await acme.answer(code, **details)
    workspace = await world.a_workspace(acme.url, credits=1)
    delivery_id = await workspace.a_delivery()
    await send(world)
    # One request: a redirect is not followed.
    assert len(await acme.received(1)) == 1
    assert await outcomes(workspace, delivery_id) == [(outcome, code)]
    assert await status(workspace, delivery_id) == ends_as
    paid = (0, 0, 1) if outcome == "accepted" else (1, 0, 0)
    assert await workspace.balance() == paid


@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "cut", "hang"])
async def test_an_answer_that_never_came_is_unknown_and_keeps_its_credit_held(
    fault: str, world: SendingWorld, buyer: MakeBuyer
) -> None:
    acme = buyer("acme")
    await acme.show(fault)
    workspace = await world.a_workspace(acme.url, credits=1)
    delivery_id = await workspace.a_delivery()
    await send(world)
    await acme.release()
    ((outcome, _),) = await outcomes(workspace, delivery_id)
    assert outcome == "unknown"
    assert await status(workspace, delivery_id) == ("PENDING", "retry")
    assert await workspace.balance() == (0, 1, 0)


async def test_an_unreachable_buyer_is_tried_again_and_costs_nothing(
    world: SendingWorld,
) -> None:
    workspace = await world.a_workspace("http://127.0.0.1:1/leads", credits=1)
    delivery_id = await workspace.a_delivery()
    await send(world)
    assert await outcomes(workspace, delivery_id) == [("retry", 0)]
    assert await workspace.balance() == (1, 0, 0)


async def test_a_bomb_behind_a_200_is_a_delivery(world: SendingWorld, buyer: MakeBuyer) -> None:
    acme = buyer("acme")
    await acme.show("gzip_bomb")
    workspace = await world.a_workspace(acme.url, credits=1)
    delivery_id = await workspace.a_delivery()
    await send(world)
    assert await status(workspace, delivery_id) == ("DELIVERED", "")


async def test_a_gone_endpoint_is_disabled_and_enabling_it_sends_what_was_parked(
    world: SendingWorld, buyer: MakeBuyer
) -> None:
    acme = buyer("acme")
    await acme.answer(410)
    workspace = await world.a_workspace(acme.url, credits=1)
    delivery_id = await workspace.a_delivery()
    await send(world)
    (endpoint,) = (await workspace.tenant.ListEndpoints(pb.ListEndpointsRequest())).endpoints
    assert (endpoint.status, endpoint.disabled_reason) == ("disabled", "gone")
    await send(world)
    assert await status(workspace, delivery_id) == ("PENDING", "endpoint")
    await workspace.tenant.EnableEndpoint(
        pb.EnableEndpointRequest(endpoint_id=endpoint.endpoint_id)
    )
    await send(world)
    assert await status(workspace, delivery_id) == ("DELIVERED", "")


async def test_without_credit_nothing_is_sent_until_some_is_granted(
    world: SendingWorld, buyer: MakeBuyer
) -> None:
    acme = buyer("acme")
    workspace = await world.a_workspace(acme.url)
    delivery_id = await workspace.a_delivery()
    await send(world)
    assert await status(workspace, delivery_id) == ("PENDING", "credit")
    assert await acme.received() == []
    await workspace.grant(1)
    await send(world)
    assert await status(workspace, delivery_id) == ("DELIVERED", "")
    assert len(await acme.received(1)) == 1


@pytest.mark.parametrize(
    ("value", "seconds"), [("120", 120), ("inf", 5), ("-5", 5), ("1.5", 5), ("999999", 3600)]
)
async def test_retry_after_is_honoured_within_bounds_and_never_costs_a_delivery(
    value: str, seconds: int, world: SendingWorld, buyer: MakeBuyer
) -> None:
    acme = buyer("acme")
    await acme.answer(429, headers={"Retry-After": value})
    workspace = await world.a_workspace(acme.url, credits=1)
    delivery_id = await workspace.a_delivery()
    began_at = datetime.now(UTC)
    await send(world)
    delivery = (await workspace.get_delivery(delivery_id)).delivery
    waits = delivery.next_attempt_time.ToDatetime(UTC) - began_at
    assert timedelta(seconds=seconds) <= waits <= timedelta(seconds=seconds + 10)


async def test_one_buyer_of_two_makes_it_partial_and_costs_one_credit(
    world: SendingWorld, buyer: MakeBuyer
) -> None:
    good, bad = buyer("good"), buyer("bad")
    await bad.answer(400, body={"error": "no"})
    workspace = await world.a_workspace(good.url, bad.url, credits=2)
    delivery_id = await workspace.a_delivery()
    await send(world)
    assert await status(workspace, delivery_id) == ("PARTIAL", "")
    assert await workspace.balance() == (1, 0, 1)


async def test_a_buyer_that_was_disabled_before_it_took_the_lead_makes_it_partial(
    world: SendingWorld, buyer: MakeBuyer, admin: Any
) -> None:
    good, bad = buyer("good"), buyer("bad")
    await bad.answer(500)
    await bad.answer(410)
    workspace = await world.a_workspace(good.url, bad.url, credits=2)
    delivery_id = await workspace.a_delivery()
    await send(world)
    assert await status(workspace, delivery_id) == ("PENDING", "retry")
    other_id = await workspace.a_delivery()
    await send(world)
    assert await status(workspace, other_id) == ("PARTIAL", "")
    # The retry's five seconds, without waiting for them.
    await admin.execute("update delivery.deliveries set due_at = now() where status = 'PENDING'")
    await send(world)
    assert await status(workspace, delivery_id) == ("PARTIAL", "")


async def test_an_answer_is_kept_without_what_looks_personal(
    world: SendingWorld, buyer: MakeBuyer, admin: Any
) -> None:
    acme = buyer("acme")
    await acme.answer(400, body={"error": "we know +4915112345678 and ada@example.com"})
    workspace = await world.a_workspace(acme.url, credits=1)
    await workspace.a_delivery()
    await send(world)
    kept = await admin.fetchval("select answer_excerpt from delivery.attempts")
    assert "we know [digits] and [email]" in kept


async def test_a_dead_letter_is_sent_again_under_the_same_webhook_id(
    world: SendingWorld, buyer: MakeBuyer
) -> None:
    acme = buyer("acme")
    await acme.answer(400)
    workspace = await world.a_workspace(acme.url, credits=1)
    delivery_id = await workspace.a_delivery()
    await send(world)
    await workspace.tenant.RedeliverDelivery(pb.RedeliverDeliveryRequest(delivery_id=delivery_id))
    await send(world)
    assert [one["webhook_id"] for one in await acme.received(2)] == [delivery_id] * 2
    assert await outcomes(workspace, delivery_id) == [("rejected", 400), ("accepted", 200)]


async def test_a_worker_that_is_asked_to_stop_gives_its_claims_back_unspent(
    world: SendingWorld, buyer: MakeBuyer
) -> None:
    acme = buyer("acme")
    workspace = await world.a_workspace(acme.url, credits=1)
    delivery_id = await workspace.a_delivery()
    async with world.dispatcher:
        await world.dispatcher.step()
        # The send has not had its turn yet: nothing was awaited since.
        world.stopping.set()
    assert await acme.received() == []
    delivery = (await workspace.get_delivery(delivery_id)).delivery
    assert (delivery.status, delivery.attempts) == ("PENDING", 0)
    assert await outcomes(workspace, delivery_id) == []


async def test_a_hanging_buyer_does_not_delay_another(
    world: SendingWorld, buyer: MakeBuyer
) -> None:
    slow, quick = buyer("slow"), buyer("quick")
    await slow.show("hang", times=50)
    hanging = await world.a_workspace(slow.url, credits=50)
    await hanging.offer(*[hanging.a_lead() for _ in range(50)])
    healthy = await world.a_workspace(quick.url, credits=1)
    delivery_id = await healthy.a_delivery()
    async with world.dispatcher:
        assert await world.dispatcher.step() == 11
        assert len(await slow.received(10)) == 10
        assert len(await quick.received(1)) == 1
        # Ten are under way to the slow one, so no more are claimed for it.
        assert await world.dispatcher.step() == 0
        await slow.release()
    assert await status(healthy, delivery_id) == ("DELIVERED", "")


async def test_a_rewritten_secret_does_not_open_and_the_lead_is_kept(
    world: SendingWorld, buyer: MakeBuyer, admin: Any
) -> None:
    acme = buyer("acme")
    workspace = await world.a_workspace(acme.url, credits=1)
    delivery_id = await workspace.a_delivery()
    await admin.execute("update delivery.endpoint_secrets set ciphertext = ciphertext || '\\x00'")
    await send(world)
    assert await acme.received() == []
    assert await outcomes(workspace, delivery_id) == [("retry", 0)]


async def test_a_name_that_leads_to_a_forbidden_address_is_not_called(
    world: SendingWorld, buyer: MakeBuyer, admin: Any
) -> None:
    acme = buyer("acme")
    workspace = await world.a_workspace(acme.url, credits=1)
    delivery_id = await workspace.a_delivery()
    await admin.execute("update delivery.endpoints set url = 'https://169.254.169.254/leads'")
    await send(world)
    assert await outcomes(workspace, delivery_id) == [("retry", 0)]
    assert await workspace.balance() == (1, 0, 0)


async def test_the_attempt_is_below_the_leads_trace_and_a_retry_is_linked_to_it(
    world: SendingWorld, buyer: MakeBuyer, admin: Any
) -> None:
    acme = buyer("acme")
    workspace = await world.a_workspace(acme.url, credits=1)
    lead = workspace.a_lead()
    await workspace.offer(lead)
    await send(world)
    row = await admin.fetchrow("select trace_id, attempt_traceparent from delivery.attempts")
    assert row["trace_id"] == row["attempt_traceparent"][3:35] == lead.traceparent[3:35]
    (request,) = await acme.received(1)
    # Our trace stays ours.
    assert "traceparent" not in request["headers"]
    assert "baggage" not in request["headers"]


async def test_many_leads_to_many_buyers_arrive_once_each(
    world: SendingWorld, buyer: MakeBuyer
) -> None:
    buyers = [buyer(f"buyer{n}") for n in range(5)]
    workspaces = [await world.a_workspace(one.url, credits=20) for one in buyers]
    for workspace in workspaces:
        await workspace.offer(*[workspace.a_lead() for _ in range(20)])
    async with world.dispatcher as sender:
        running = asyncio.create_task(sender.run(poll_seconds=0.05))
        for one in buyers:
            assert len(await one.received(20)) == 20
        world.stopping.set()
        await running
    for one, workspace in zip(buyers, workspaces, strict=True):
        ids = [request["webhook_id"] for request in await one.received()]
        assert len(ids) == len(set(ids)) == 20
        assert await workspace.balance() == (0, 0, 20)
