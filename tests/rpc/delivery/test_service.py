"""DeliveryService over a real channel."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import grpc
import pytest
from google.protobuf.message import Message

from services.chassis.outbound.policy import URL_CHARACTERS_MAX
from services.delivery.records import OFFER_STATUSES
from tests.rpc.delivery.world import GRANT_REASON, World, refused
from tests.schema.delivery.builders import claim
from waybill.delivery.v1 import delivery_service_pb2 as pb
from waybill.trace.v1.trace_service_pb2 import GetTraceRequest, VerifyBooksRequest

URL = "http://127.0.0.1:9/leads"


async def test_a_workspace_is_asked_of_routing_once(world: World) -> None:
    workspace = await world.a_workspace(URL, credits=3)
    assert await workspace.balance() == (3, 0, 0)
    assert world.routing.asked == 1


async def test_a_workspace_that_routing_does_not_know_is_refused(world: World) -> None:
    workspace_id = str(uuid4())
    tenant = world.callers.tenant(uuid4())
    for call in (
        tenant.CreateEndpoint(pb.CreateEndpointRequest(workspace_id=workspace_id, url=URL)),
        tenant.GrantCredits(
            pb.GrantCreditsRequest(workspace_id=workspace_id, credits=1, request_id="r")
        ),
        tenant.GetBalance(pb.GetBalanceRequest(workspace_id=workspace_id)),
    ):
        async with refused() as refusal:
            await call
        assert refusal.reason == "WORKSPACE_NOT_FOUND"
        assert refusal.metadata == {"workspace_id": workspace_id}


async def test_the_same_request_answers_the_same_endpoint_and_secret(world: World) -> None:
    workspace = await world.a_workspace()
    first = await workspace.an_endpoint(URL, request_id="one")
    again = await workspace.an_endpoint(URL, request_id="one")
    other = await workspace.an_endpoint(URL, request_id="two")
    assert first == again
    assert first.secret.startswith("whsec_")
    assert other.secret != first.secret
    async with refused() as refusal:
        await workspace.an_endpoint(URL + "/other", request_id="one")
    assert refusal.reason == "REQUEST_ID_REUSED"


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("ftp://buyer.example/", "scheme"),
        ("http://buyer.example/", "scheme"),
        ("https://user:word@buyer.example/", "userinfo"),
        ("https://169.254.169.254/latest", "address"),
        ("https://10.0.0.1/", "address"),
        ("https://0x7f.1/", "odd_address"),
    ],
)
async def test_a_url_that_is_never_called_is_refused_with_the_cause(
    url: str, cause: str, world: World
) -> None:
    workspace = await world.a_workspace()
    async with refused() as refusal:
        await workspace.an_endpoint(url)
    assert (refusal.reason, refusal.metadata) == ("URL_REFUSED", {"cause": cause})


async def test_a_url_may_have_2048_characters_and_no_more(world: World) -> None:
    workspace = await world.a_workspace()
    url = URL.ljust(URL_CHARACTERS_MAX, "x")
    assert (await workspace.an_endpoint(url)).endpoint.url == url
    async with refused() as refusal:
        await workspace.an_endpoint(url + "x")
    assert refusal.reason == "URL_REFUSED"


async def test_an_endpoint_is_disabled_by_hand_and_what_waits_for_it_parks(world: World) -> None:
    workspace = await world.a_workspace(credits=1)
    endpoint_id = (await workspace.an_endpoint(URL)).endpoint.endpoint_id
    request = pb.DisableEndpointRequest(endpoint_id=endpoint_id)
    answers = [(await workspace.tenant.DisableEndpoint(request)).endpoint for _ in range(2)]
    assert answers[0] == answers[1]
    assert (answers[0].status, answers[0].disabled_reason) == ("disabled", "by hand")
    delivery_id = await workspace.a_delivery()
    assert await claim(world.database, now=datetime.now(UTC)) == []
    assert (await workspace.get_delivery(delivery_id)).delivery.waiting_for == "endpoint"
    await workspace.tenant.EnableEndpoint(pb.EnableEndpointRequest(endpoint_id=endpoint_id))
    (row,) = await claim(world.database, now=datetime.now(UTC))
    assert str(row["delivery_id"]) == delivery_id


async def test_a_secret_is_shown_once_and_stored_sealed(world: World) -> None:
    workspace = await world.a_workspace()
    secret = (await workspace.an_endpoint(URL)).secret
    listed = await workspace.tenant.ListEndpoints(pb.ListEndpointsRequest())
    assert secret not in str(listed)
    rows = await world.database.rows(
        "create_endpoint",
        p_org_id=workspace.org_id,
        p_endpoint_id=uuid4(),
        p_workspace_id=workspace.workspace_id,
        p_url=URL,
        p_secret_id=uuid4(),
        p_ciphertext=b"x",
        p_request_id=None,
        p_request_hash=None,
        p_traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-00",
    )
    assert secret.removeprefix("whsec_").encode() not in rows[0]["ciphertext"]


@pytest.mark.parametrize("overlap_seconds", [-1, 604_801])
async def test_an_overlap_of_secrets_has_bounds(overlap_seconds: int, world: World) -> None:
    workspace = await world.a_workspace()
    made = await workspace.an_endpoint(URL)
    request = pb.RotateEndpointSecretRequest(
        endpoint_id=made.endpoint.endpoint_id, overlap_seconds=overlap_seconds
    )
    async with refused() as refusal:
        await workspace.tenant.RotateEndpointSecret(request)
    assert refusal.reason == "INVALID_REQUEST"


async def test_grants_are_idempotent_and_listed_in_pages(world: World) -> None:
    workspace = await world.a_workspace()
    for _ in range(3):
        assert (await workspace.grant(5, request_id="r")).available == 5
    await workspace.grant(2)
    entries = []
    request = pb.ListLedgerEntriesRequest(workspace_id=str(workspace.workspace_id), page_size=1)
    while True:
        page = await workspace.tenant.ListLedgerEntries(request)
        entries += [(entry.account, entry.amount, entry.balance_after) for entry in page.entries]
        assert {entry.reason for entry in page.entries} == {GRANT_REASON}
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert entries == [
        ("available", 2, 7),
        ("granted", -2, -7),
        ("available", 5, 5),
        ("granted", -5, -5),
    ]


async def test_offers_and_deliveries_are_listed_newest_first_in_pages(world: World) -> None:
    workspace = await world.a_workspace(URL)
    results = await workspace.offer(*[workspace.a_lead() for _ in range(5)])
    request, seen = pb.ListOffersRequest(page_size=2), list[str]()
    while True:
        page = await workspace.tenant.ListOffers(request)
        seen += [offer.offer_id for offer in page.offers]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert sorted(seen, reverse=True) == seen
    assert set(seen) == {result.offer_id for result in results}
    by_lead = await workspace.tenant.ListOffers(pb.ListOffersRequest(lead_id=results[0].lead_id))
    assert [offer.offer_id for offer in by_lead.offers] == [results[0].offer_id]
    deliveries = await workspace.tenant.ListDeliveries(
        pb.ListDeliveriesRequest(status="PENDING", page_size=5)
    )
    assert len(deliveries.deliveries) == 5
    assert deliveries.next_page_token == ""
    async with refused() as refusal:
        await workspace.tenant.ListDeliveries(pb.ListDeliveriesRequest(status="LOST"))
    assert refusal.metadata == {"fields": "status"}


async def test_each_offer_of_a_batch_is_answered_by_itself(world: World) -> None:
    workspace = await world.a_workspace(URL)
    good, bad = workspace.a_lead(), workspace.a_lead(payload_json="[]")
    results = await workspace.offer(good, bad, good)
    assert [(one.lead_id, one.outcome, one.reason) for one in results] == [
        (good.lead_id, "accepted", ""),
        (bad.lead_id, "refused", "INVALID_REQUEST"),
        (good.lead_id, "accepted", ""),
    ]
    assert (await workspace.offer(good))[0].offer_id == results[0].offer_id


async def test_an_offer_is_advanced_by_hand_and_tells_its_steps(world: World) -> None:
    workspace = await world.a_workspace(URL)
    (result,) = await workspace.offer(workspace.a_lead(offer_policy="manual"))
    step = pb.AdvanceOfferRequest(
        offer_id=result.offer_id, to_status="TO_BE_CONTACTED", request_id="once"
    )
    first = await workspace.tenant.AdvanceOffer(step)
    assert first == await workspace.tenant.AdvanceOffer(step)
    answer = await workspace.get_offer(result.offer_id)
    assert [event.to_status for event in answer.events] == ["PENDING_MAPPING", "TO_BE_CONTACTED"]
    assert answer.events[1].actor == "tenant"
    refusals = set()
    for status in OFFER_STATUSES - {"CONTACTED", "COOLING", "STOPPED", "DISQUALIFIED"}:
        async with refused() as refusal:
            await workspace.tenant.AdvanceOffer(
                pb.AdvanceOfferRequest(offer_id=result.offer_id, to_status=status)
            )
        refusals.add(refusal.reason)
    assert refusals == {"TRANSITION_REFUSED"}


async def test_completing_by_hand_consumes_once_however_often_it_is_said(world: World) -> None:
    workspace = await world.a_workspace(URL, credits=2)
    delivery_id = await workspace.a_delivery()
    request = pb.CompleteDeliveryRequest(delivery_id=delivery_id, org_id=str(workspace.org_id))
    operator = world.callers.service("operator")
    answers = await asyncio.gather(*(operator.CompleteDelivery(request) for _ in range(20)))
    assert sorted(answer.duplicate for answer in answers) == [False, *[True] * 19]
    assert {answer.delivery.status for answer in answers} == {"DELIVERED"}
    assert await workspace.balance() == (1, 0, 1)


async def test_completing_says_why_not(world: World) -> None:
    workspace = await world.a_workspace(URL)
    operator = world.callers.service("operator")
    delivery_id = await workspace.a_delivery()
    request = pb.CompleteDeliveryRequest(delivery_id=delivery_id, org_id=str(workspace.org_id))
    async with refused() as unpaid:
        await operator.CompleteDelivery(request)
    offer_id = (await workspace.get_delivery(delivery_id)).delivery.offer_id
    await workspace.tenant.AdvanceOffer(
        pb.AdvanceOfferRequest(offer_id=offer_id, to_status="STOPPED")
    )
    async with refused() as stopped:
        await operator.CompleteDelivery(request)
    request.delivery_id = str(uuid4())
    async with refused() as unknown:
        await operator.CompleteDelivery(request)
    assert unpaid.reason == "INSUFFICIENT_CREDITS"
    assert unpaid.metadata == {"workspace_id": str(workspace.workspace_id), "available": "0"}
    assert stopped.reason == "DELIVERY_STATE_REFUSED"
    assert stopped.metadata == {"delivery_id": delivery_id, "status": "FAILED"}
    assert unknown.reason == "DELIVERY_NOT_FOUND"


async def test_a_workspace_token_sees_its_own_workspace_alone(world: World) -> None:
    org_id = uuid4()
    mine = await world.a_workspace(URL, credits=1, org_id=org_id)
    theirs = await world.a_workspace(URL, credits=1, org_id=org_id)
    for workspace in (mine, theirs):
        await workspace.offer(workspace.a_lead())
    narrowed = world.callers.tenant(org_id, mine.workspace_id)
    for answer in (
        (await narrowed.ListOffers(pb.ListOffersRequest())).offers,
        (await narrowed.ListDeliveries(pb.ListDeliveriesRequest())).deliveries,
        (await narrowed.ListEndpoints(pb.ListEndpointsRequest())).endpoints,
    ):
        assert [row.workspace_id for row in answer] == [str(mine.workspace_id)]
    other = str(theirs.workspace_id)
    ledger = await narrowed.ListLedgerEntries(pb.ListLedgerEntriesRequest(workspace_id=other))
    assert list(ledger.entries) == []
    async with refused() as refusal:
        await narrowed.GetBalance(pb.GetBalanceRequest(workspace_id=other))
    assert refusal.reason == "WORKSPACE_NOT_FOUND"


async def test_another_tenant_finds_nothing_that_there_is(world: World) -> None:
    workspace = await world.a_workspace(URL, credits=1)
    (result,) = await workspace.offer(workspace.a_lead())
    delivery_id = (await workspace.get_offer(result.offer_id)).offer.delivery_id
    endpoints = await workspace.tenant.ListEndpoints(pb.ListEndpointsRequest())
    endpoint_id = endpoints.endpoints[0].endpoint_id
    stranger = world.callers.tenant(uuid4())
    requests: dict[str, tuple[Message, str]] = {
        "GetOffer": (pb.GetOfferRequest(offer_id=result.offer_id), "OFFER_NOT_FOUND"),
        "GetDelivery": (pb.GetDeliveryRequest(delivery_id=delivery_id), "DELIVERY_NOT_FOUND"),
        "EnableEndpoint": (
            pb.EnableEndpointRequest(endpoint_id=endpoint_id),
            "ENDPOINT_NOT_FOUND",
        ),
        "DisableEndpoint": (
            pb.DisableEndpointRequest(endpoint_id=endpoint_id),
            "ENDPOINT_NOT_FOUND",
        ),
        "RotateEndpointSecret": (
            pb.RotateEndpointSecretRequest(endpoint_id=endpoint_id),
            "ENDPOINT_NOT_FOUND",
        ),
        "RedeliverDelivery": (
            pb.RedeliverDeliveryRequest(delivery_id=delivery_id),
            "DELIVERY_NOT_FOUND",
        ),
        "AdvanceOffer": (
            pb.AdvanceOfferRequest(offer_id=result.offer_id, to_status="STOPPED"),
            "OFFER_NOT_FOUND",
        ),
    }
    for method, (request, reason) in requests.items():
        async with refused() as refusal:
            await getattr(stranger, method)(request)
        assert refusal.reason == reason, method
    assert list((await stranger.ListOffers(pb.ListOffersRequest())).offers) == []


async def test_the_operator_reads_traces_and_books(world: World) -> None:
    workspace = await world.a_workspace(URL, credits=1)
    lead = workspace.a_lead()
    await workspace.offer(lead)
    operator = world.callers.tracing("operator")
    answer = await operator.GetTrace(GetTraceRequest(trace_id=lead.traceparent[3:35]))
    assert {entry.table for entry in answer.entries} >= {"lead_offers", "lead_events", "deliveries"}
    books = await operator.VerifyBooks(VerifyBooksRequest())
    assert all(equation.holds for equation in books.equations)
    assert dict(books.totals) == {"offers_taken_over": 1, "delivery_events_handed_over": 0}


@pytest.mark.parametrize("name", ["ingest", "delivery", "operator"])
async def test_offers_come_from_routing_alone(name: str, world: World) -> None:
    workspace = await world.a_workspace()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.callers.service(name).OfferLeads(
            pb.OfferLeadsRequest(offers=[workspace.a_lead(lead_id=str(uuid4()))])
        )
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
