"""A retry's own trace, the one in its log line, is answered with the trace of what was tried."""

from uuid import UUID, uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.rpc.auth import AUTHENTICATED, SERVICE_ROLE, Caller, set_caller
from services.chassis.trace import new_root
from services.chassis.trace_service import TraceHandlers, TraceStore
from services.sync.store.sessions import SessionStore
from tests.schema.delivery import builders as delivery
from tests.schema.ingest import builders as ingest
from tests.schema.routing import builders as routing
from tests.schema.sync import builders as sync
from waybill.trace.v1.trace_service_pb2 import GetTraceRequest, GetTraceResponse


async def told(database: Database, trace_id: str, org_id: UUID | None) -> GetTraceResponse:
    """What a tenant, or the operator, is told of a trace."""
    role = AUTHENTICATED if org_id else SERVICE_ROLE
    set_caller(Caller(subject="service:operator", role=role, org_id=org_id))
    servicer = TraceHandlers(TraceStore(database), database.schema)
    return await servicer.GetTrace(GetTraceRequest(trace_id=trace_id), None)


async def leads_to_its_own(database: Database, org_id: UUID, trace_id: str) -> None:
    """The trace's try has its own, which leads its org and the operator back, nobody else."""
    whole = await told(database, trace_id, org_id)
    assert whole.trace_id == trace_id
    (own,) = {entry.attempt_trace_id for entry in whole.entries} - {""}
    for whose in (org_id, None):
        assert await told(database, own, whose) == whole
    for missing in (await told(database, own, uuid4()), await told(database, "f" * 32, None)):
        assert missing == GetTraceResponse(service=database.schema)


async def test_a_webhook_items_try(ingest_db: Database) -> None:
    org = await ingest.an_org(ingest_db)
    await ingest.a_source(ingest_db, org.org_id)
    token, item = await ingest.a_claimed_item(ingest_db)
    await ingest.settle(ingest_db, token, item, "retry", reason="graph limit 4")
    await leads_to_its_own(ingest_db, org.org_id, item.trace.trace_id)


async def test_a_routing_attempt(routing_db: Database) -> None:
    org_id, token, trace = uuid4(), new_id(), new_root()
    lead_id = await routing.a_lead(routing_db, org_id, traceparent=trace.traceparent)
    await routing.acquire(routing_db, token=token)
    await routing.fail(routing_db, token, org_id, lead_id)
    await leads_to_its_own(routing_db, org_id, trace.trace_id)


async def test_a_delivery_attempt(delivery_db: Database) -> None:
    workspace = await delivery.a_workspace(delivery_db, credits=1)
    (offer,) = await delivery.offered(delivery_db, workspace)
    await delivery.claim(delivery_db, now=delivery.later(61))
    await leads_to_its_own(delivery_db, workspace.org_id, offer.traceparent[3:35])


async def test_a_run_of_a_sync(sync_db: Database) -> None:
    org_id, clock = uuid4(), sync.MovedClock()
    page_id = await sync.a_page(sync_db, org_id)
    store = SessionStore(sync_db, "tester", lease_seconds=sync.LEASE_SECONDS, clock=clock)
    trace = new_root()
    await store.schedule_sync(
        org_id=org_id, page_id=page_id, mode="full", session_id=new_id(),
        traceparent=trace.traceparent,
    )  # fmt: skip
    assert await store.claim_sync_session(new_id(), new_root().trace_id)
    await leads_to_its_own(sync_db, org_id, trace.trace_id)
