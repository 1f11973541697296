"""TraceService's pages: rows of one instant (a webhook's items, a batch's offers) are all found."""

from uuid import UUID, uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.rpc.auth import AUTHENTICATED, Caller, set_caller
from services.chassis.trace import new_root
from services.chassis.trace_service import TraceHandlers, TraceStore
from services.sync.store.conversations import ConversationStore, ToldTimelineEvent
from tests.schema.delivery import builders as delivery
from tests.schema.ingest import builders as ingest
from tests.schema.routing import builders as routing
from tests.schema.scheduling import builders as scheduling
from tests.schema.sync import builders as sync
from waybill.trace.v1.trace_service_pb2 import FindTracesRequest

ROWS = 5


async def found(database: Database, org_id: UUID, **by: str) -> list[str]:
    """The keys on all pages of two rows each."""
    set_caller(Caller(subject="someone", role=AUTHENTICATED, org_id=org_id))
    servicer = TraceHandlers(TraceStore(database), database.schema)
    keys: list[str] = []
    token = ""
    while True:
        request = FindTracesRequest(page_size=2, page_token=token, **by)
        answer = await servicer.FindTraces(request, None)
        keys += [each.key for each in answer.traces]
        token = answer.next_page_token
        if not token:
            return keys


async def test_all_items_of_a_webhook_are_found(ingest_db: Database) -> None:
    org = await ingest.an_org(ingest_db)
    await ingest.a_source(ingest_db, org.org_id)
    webhook = ingest.a_webhook(*[ingest.an_item(external_id=str(n)) for n in range(ROWS)])
    await ingest.receive(ingest_db, webhook)
    keys = await found(ingest_db, org.org_id, webhook_id=str(webhook.delivery_id))
    assert sorted(keys) == sorted(str(item.item_id) for item in webhook.items)


async def test_all_leads_that_were_taken_over_together_are_found(routing_db: Database) -> None:
    org_id = uuid4()
    lead_ids = await routing.leads(routing_db, org_id, ROWS)
    keys = await found(routing_db, org_id, phone="+4915112345678")
    assert sorted(keys) == sorted(map(str, lead_ids))


async def test_all_offers_of_a_batch_are_found(delivery_db: Database) -> None:
    workspace = await delivery.a_workspace(delivery_db)
    offers = await delivery.offered(delivery_db, workspace, ROWS)
    keys = await found(delivery_db, workspace.org_id, workspace_id=str(workspace.workspace_id))
    assert sorted(keys) == sorted(str(offer.offer_id) for offer in offers)


async def test_all_appointments_of_one_instant_are_found(scheduling_db: Database) -> None:
    org_id, contact_id = uuid4(), uuid4()
    calendar_id = await scheduling.a_calendar(scheduling_db, org_id)
    booked = [
        await scheduling.book(
            scheduling_db,
            org_id,
            calendar_id,
            scheduling.later(60 * hour),
            p_contact_id=contact_id,
        )
        for hour in range(1, ROWS + 1)
    ]
    keys = await found(scheduling_db, org_id, external_id=str(contact_id))
    assert sorted(keys) == sorted(each["appointment_id"] for each in booked)


async def test_all_events_that_were_told_together_are_found(sync_db: Database) -> None:
    org_id, lead_id = uuid4(), uuid4()
    told = [
        ToldTimelineEvent(
            org_id=org_id,
            event_id=new_id(),
            type="appointment_booked",
            lead_id=lead_id,
            subject_id=new_id(),
            payload={},
            content_hash=f"hash {number}",
            occurred_at=sync.NOW,
            trace=new_root(),
        )
        for number in range(ROWS)
    ]
    await ConversationStore(sync_db).record_timeline_events("scheduling", told)
    keys = await found(sync_db, org_id, lead_id=str(lead_id))
    assert sorted(keys) == sorted(str(each.event_id) for each in told)
