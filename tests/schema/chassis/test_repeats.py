"""What is asked again after it was done is done once, and its trace tells of the repeat."""

import asyncio
import json
from uuid import UUID, uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.rpc.auth import AUTHENTICATED, SERVICE_ROLE, Caller, set_caller
from services.chassis.rpc.request_ids import RequestId
from services.chassis.trace import TraceContext, new_root
from services.chassis.trace_service import TraceHandlers, TraceStore
from tests.schema.delivery import builders as delivery
from tests.schema.ingest import builders as ingest
from tests.schema.routing import builders as routing
from tests.schema.scheduling import builders as scheduling
from waybill.trace.v1.trace_service_pb2 import GetTraceRequest, TimelineEntry

REQUEST = RequestId(value="r1", content_hash="a")


async def told(
    database: Database, trace_id: str, org_id: UUID | None, workspace_id: UUID | None = None
) -> list[TimelineEntry]:
    """The repeats that a trace tells of."""
    role = AUTHENTICATED if org_id else SERVICE_ROLE
    set_caller(
        Caller(subject="service:operator", role=role, org_id=org_id, workspace_id=workspace_id)
    )
    servicer = TraceHandlers(TraceStore(database), database.schema)
    answer = await servicer.GetTrace(GetTraceRequest(trace_id=trace_id), None)
    return [entry for entry in answer.entries if entry.table == "repeats"]


async def one(
    database: Database, trace_id: str, org_id: UUID, call: str, subject: object, times: int = 1
) -> TimelineEntry:
    """The one repeat that a trace tells of."""
    (entry,) = await told(database, trace_id, org_id)
    assert (entry.name, entry.ids["subject"]) == (f"repeat of {call}", str(subject))
    assert json.loads(entry.details_json)["times"] == times
    return entry


async def asked_again(db: Database, org: ingest.Org, trace: TraceContext) -> None:
    (stored,) = await ingest.create(
        db, ingest.called(org, request=REQUEST, trace=trace), now=ingest.later(60)
    )
    assert stored.outcome == "replayed"


async def test_a_lead_that_is_sent_again_by_its_request_id(ingest_db: Database) -> None:
    org, trace = await ingest.an_org(ingest_db), new_root()
    await ingest.create(ingest_db, ingest.called(org, request=REQUEST, trace=trace))
    assert await told(ingest_db, trace.trace_id, org.org_id) == []
    again = [new_root() for _ in range(2)]
    for each in again:
        await asked_again(ingest_db, org, each)
    entry = await one(ingest_db, trace.trace_id, org.org_id, "request", "r1", times=2)
    assert entry.attempt_trace_id == again[-1].trace_id


async def test_the_trace_of_a_repeat_leads_its_org_and_the_operator_to_what_was_done(
    ingest_db: Database,
) -> None:
    org, trace, again = await ingest.an_org(ingest_db), new_root(), new_root()
    await ingest.create(ingest_db, ingest.called(org, request=REQUEST, trace=trace))
    await asked_again(ingest_db, org, again)
    for whose in (org.org_id, None):
        assert len(await told(ingest_db, again.trace_id, whose)) == 1
    assert await told(ingest_db, again.trace_id, uuid4()) == []


async def test_many_that_ask_again_at_once_are_all_counted(ingest_db: Database) -> None:
    org, trace = await ingest.an_org(ingest_db), new_root()
    await ingest.create(ingest_db, ingest.called(org, request=REQUEST, trace=trace))
    await asyncio.gather(*[asked_again(ingest_db, org, new_root()) for _ in range(20)])
    await one(ingest_db, trace.trace_id, org.org_id, "request", "r1", times=20)


async def test_an_item_that_is_stored_again_by_the_try_that_stored_it(ingest_db: Database) -> None:
    org = await ingest.an_org(ingest_db)
    source_id = await ingest.a_source(ingest_db, org.org_id)
    token, item = await ingest.a_claimed_item(ingest_db, kind="message", external_id="m_1")
    lead = ingest.a_new_lead(source_id, message=ingest.a_message("m_1"), first_contact=True)
    stored = ingest.of_item(token, item, lead)
    (made,) = await ingest.create(ingest_db, stored)
    (again,) = await ingest.create(ingest_db, stored)
    assert (made.outcome, again.outcome) == ("created", "lease_lost")
    call = "create_leads_with_conversations"
    await one(ingest_db, item.trace.trace_id, org.org_id, call, item.item_id)
    # Another try of the same item repeats nothing.
    (other,) = await ingest.create(ingest_db, ingest.of_item(token, item, lead))
    assert other.outcome == "lease_lost"
    await one(ingest_db, item.trace.trace_id, org.org_id, call, item.item_id)


async def test_a_lead_that_is_handed_to_routing_again(routing_db: Database) -> None:
    org_id, trace = uuid4(), new_root()
    lead_id = await routing.a_lead(routing_db, org_id, traceparent=trace.traceparent)
    for minutes in (1, 2):
        new: int = await routing_db.value(
            "enqueue_leads",
            p_org_ids=[org_id] * 2,
            p_lead_ids=[lead_id, new_id()],
            p_source_ids=[uuid4()] * 2,
            p_phones=[""] * 2,
            p_emails=[""] * 2,
            p_facts=[routing.FACTS] * 2,
            p_received_ats=[routing.NOW] * 2,
            p_traceparents=[trace.traceparent] * 2,
            p_tracestates=[""] * 2,
            p_now=routing.later(minutes=minutes),
        )
        assert new == 1
    await one(routing_db, trace.trace_id, org_id, "enqueue_leads", lead_id, times=2)


async def test_a_lead_that_is_named_twice_in_one_batch_is_no_repeat(
    routing_db: Database,
) -> None:
    org_id, lead_id, trace = uuid4(), new_id(), new_root()
    new: int = await routing_db.value(
        "enqueue_leads",
        p_org_ids=[org_id] * 2,
        p_lead_ids=[lead_id] * 2,
        p_source_ids=[uuid4()] * 2,
        p_phones=[""] * 2,
        p_emails=[""] * 2,
        p_facts=[routing.FACTS] * 2,
        p_received_ats=[routing.NOW] * 2,
        p_traceparents=[trace.traceparent] * 2,
        p_tracestates=[""] * 2,
    )
    assert new == 1
    assert await told(routing_db, trace.trace_id, org_id) == []


async def test_a_routing_that_is_completed_again_by_its_attempt(routing_db: Database) -> None:
    org_id, token, trace = uuid4(), new_id(), new_root()
    workspace_id = await routing.a_workspace(routing_db, org_id)
    lead_id = await routing.a_lead(routing_db, org_id, traceparent=trace.traceparent)
    await routing.acquire(routing_db, token=token)
    outcomes = [
        await routing.complete(
            routing_db, token, org_id, lead_id, workspace_id, [], attempt_traceparent=attempt
        )
        for attempt in [new_root().traceparent] * 2 + [new_root().traceparent]
    ]
    assert outcomes == [("routed", None), ("lost", None), ("lost", None)]
    # The last one was another attempt's: it repeats nothing.
    await one(routing_db, trace.trace_id, org_id, "complete_routings", lead_id)


async def test_a_routing_that_is_failed_again_by_its_attempt(routing_db: Database) -> None:
    org_id, token, trace = uuid4(), new_id(), new_root()
    lead_id = await routing.a_lead(routing_db, org_id, traceparent=trace.traceparent)
    await routing.acquire(routing_db, token=token)
    outcomes = [
        await routing.fail(routing_db, token, org_id, lead_id, attempt_traceparent=attempt)
        for attempt in [new_root().traceparent] * 2 + [new_root().traceparent]
    ]
    assert [outcome for outcome, _ in outcomes] == ["retry", "lost", "lost"]
    await one(routing_db, trace.trace_id, org_id, "fail_routings", lead_id)


async def test_a_lead_that_is_offered_again(delivery_db: Database) -> None:
    workspace = await delivery.a_workspace(delivery_db)
    (offer,) = await delivery.offered(delivery_db, workspace)
    again = delivery.an_offer(workspace, lead_id=offer.lead_id)
    new = delivery.an_offer(workspace)
    await delivery.offer_leads(delivery_db, [again, new], now=delivery.later(60))
    trace_id, org_id = offer.traceparent[3:35], workspace.org_id
    assert await told(delivery_db, new.traceparent[3:35], org_id) == []
    entry = await one(delivery_db, trace_id, org_id, "offer_leads", offer.offer_id)
    assert entry.attempt_trace_id == again.traceparent[3:35]
    # Whose token is a workspace's sees its deliveries, not what passed between services.
    assert await told(delivery_db, trace_id, org_id, workspace.workspace_id) == []


async def test_a_delivery_that_is_reported_again_by_its_attempt(delivery_db: Database) -> None:
    workspace = await delivery.a_workspace(delivery_db, credits=1)
    (offer,) = await delivery.offered(delivery_db, workspace)
    token = uuid4()
    rows = await delivery.claim(delivery_db, token=token)
    for verdict in ("retry", "retry", "DELIVERED"):
        await delivery.finish(delivery_db, rows, token, verdict=verdict)
    await delivery.finish(delivery_db, rows, uuid4(), verdict="retry")
    # The last reports, which say something else or are another claim's, repeat nothing.
    (attempt,) = await delivery.attempts(delivery_db, offer)
    await one(
        delivery_db,
        offer.traceparent[3:35],
        workspace.org_id,
        "finish_deliveries",
        attempt["attempt_id"],
    )


async def test_a_booking_that_is_asked_for_again_by_its_request_id(
    scheduling_db: Database,
) -> None:
    org_id, trace = uuid4(), new_root()
    calendar_id = await scheduling.a_calendar(scheduling_db, org_id)
    for traceparent in (trace.traceparent, new_root().traceparent):
        await scheduling.book(
            scheduling_db,
            org_id,
            calendar_id,
            scheduling.later(60),
            p_contact_id=UUID(int=1),
            p_request_id="r1",
            p_traceparent=traceparent,
        )
    await one(scheduling_db, trace.trace_id, org_id, "request", "r1")
