import asyncio
from typing import Any

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    NOW,
    a_workspace,
    an_offer,
    broken_equations,
    delivery,
    later,
    offer_leads,
    offer_status,
    offered,
)


async def test_a_direct_offer_advances_to_lead_ready_with_an_event_for_every_step(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db)
    (offer,) = await offered(delivery_db, workspace)
    events = await delivery_db.rows(
        "list_offer_events",
        p_org_id=offer.org_id,
        p_workspace_id=None,
        p_offer_id=offer.offer_id,
    )
    assert [(event["from_status"], event["to_status"]) for event in events] == [
        (None, "PENDING_MAPPING"),
        ("PENDING_MAPPING", "TO_BE_CONTACTED"),
        ("TO_BE_CONTACTED", "CONTACTED"),
        ("CONTACTED", "ENGAGED"),
        ("ENGAGED", "QUALIFYING"),
        ("QUALIFYING", "LEAD_READY"),
    ]
    assert {event["actor"] for event in events} == {"routing", "policy:direct"}
    row = await delivery(delivery_db, offer)
    assert (row["status"], row["trace_id"]) == ("PENDING", offer.traceparent[3:35])


async def test_a_manual_offer_stays_where_it_starts_and_has_no_delivery(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db)
    offer = an_offer(workspace)
    await offer_leads(delivery_db, [offer], policy="manual")
    assert await offer_status(delivery_db, offer) == "PENDING_MAPPING"
    assert await admin.fetchval("select count(*) from delivery.deliveries") == 0


async def test_an_offer_accepted_before_is_answered_as_it_was_then(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db)
    first = an_offer(workspace)
    again = an_offer(workspace, lead_id=first.lead_id)
    (answer,) = await offer_leads(delivery_db, [first])
    (repeated,) = await offer_leads(delivery_db, [again], now=later(60))
    assert (answer["offer_id"], answer["created"]) == (first.offer_id, True)
    assert (repeated["offer_id"], repeated["created"]) == (first.offer_id, False)
    assert await admin.fetchval("select count(*) from delivery.deliveries") == 1
    assert await admin.fetchval("select count(*) from delivery.lead_events") == 6


async def test_a_lead_named_twice_in_one_batch_is_offered_once(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db)
    first = an_offer(workspace)
    await offer_leads(delivery_db, [first, an_offer(workspace, lead_id=first.lead_id)])
    assert await admin.fetchval("select count(*) from delivery.lead_offers") == 1
    assert await admin.fetchval("select count(*) from delivery.deliveries") == 1


async def test_the_same_leads_offered_by_many_at_once_are_offered_once(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db)
    offers = [an_offer(workspace) for _ in range(20)]
    orders = [offers, offers[::-1]] * 5
    await asyncio.gather(*(offer_leads(delivery_db, order) for order in orders))
    assert await admin.fetchval("select count(*) from delivery.lead_offers") == 20
    assert await admin.fetchval("select count(*) from delivery.deliveries") == 20
    assert await broken_equations(delivery_db) == {}


async def test_a_workspace_that_is_not_known_yet_is_known_afterwards(
    delivery_db: Database,
) -> None:
    known = await a_workspace(delivery_db)
    stranger = await a_workspace(delivery_db, endpoints=0)
    offers = [an_offer(known), an_offer(stranger)]
    assert len(await offer_leads(delivery_db, offers, now=NOW)) == 2
    for offer in offers:
        assert await delivery_db.value(
            "has_workspace", p_org_id=offer.org_id, p_workspace_id=offer.workspace_id
        )
