"""Events for sync's timeline: written with the step that they report, once for each."""

import json
from typing import Any
from uuid import uuid4

import pytest

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    Offered,
    a_workspace,
    advance,
    an_offer,
    broken_equations,
    claim,
    complete,
    finish,
    later,
    offer_leads,
    offered,
)

LEASE_LOST_SECONDS = 61


async def reported(admin: Any, offer: Offered) -> list[tuple[str, str]]:
    """Events of the offer's lead, by what they are about."""
    rows = await admin.fetch(
        """select payload ->> 'type' as type, payload ->> 'subject_id' as subject_id,
             payload ->> 'lead_id' as lead_id, traceparent, org_id
           from delivery.outbox where topic = 'sync.delivery_events'
             and payload ->> 'lead_id' = $1
           order by enqueued_at, payload ->> 'type' desc""",
        str(offer.lead_id),
    )
    for row in rows:
        assert (row["org_id"], row["traceparent"]) == (offer.org_id, offer.traceparent)
    return [(row["type"], row["subject_id"]) for row in rows]


async def test_an_offer_and_its_delivery_are_reported_once_each_in_the_leads_trace(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    offer, token = an_offer(workspace), uuid4()
    await offer_leads(delivery_db, [offer])
    await offer_leads(delivery_db, [offer])
    rows = await claim(delivery_db, token=token)
    for _ in range(2):
        await finish(delivery_db, rows, token, action="complete", now=later(1))
    made = ("offer_made", str(offer.offer_id))
    assert await reported(admin, offer) == [made, ("delivery_delivered", str(offer.delivery_id))]
    row = await admin.fetchrow(
        "select subject_id, payload from delivery.outbox where payload ->> 'type' like 'delivery%'"
    )
    assert row["subject_id"] == offer.delivery_id
    assert json.loads(row["payload"])["details"] == {
        "offer_id": str(offer.offer_id),
        "workspace_id": str(workspace.workspace_id),
        "attempts": 1,
        "credits_consumed": 1,
    }


@pytest.mark.parametrize(("action", "status"), [("fail", "failed"), ("dead_letter", "dead_letter")])
async def test_a_delivery_that_failed_and_was_queued_again_is_reported_each_time(
    delivery_db: Database, admin: Any, action: str, status: str
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    await finish(delivery_db, rows, token, action=action, reason="returned", now=later(1))
    await delivery_db.rows(
        "redeliver_delivery",
        p_org_id=offer.org_id,
        p_delivery_id=offer.delivery_id,
        p_traceparent=offer.traceparent,
        p_now=later(2),
    )
    rows = await claim(delivery_db, token=token, now=later(3))
    await finish(delivery_db, rows, token, action="complete", now=later(4))
    kinds = [kind for kind, _ in await reported(admin, offer)]
    assert kinds == ["offer_made", f"delivery_{status}", "delivery_delivered"]
    assert await broken_equations(delivery_db) == {}


async def test_a_delivery_completed_by_hand_is_reported_and_what_goes_on_is_not(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=2)
    by_hand, again = await offered(delivery_db, workspace, 2)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    await complete(delivery_db, [by_hand])
    mine = [row for row in rows if row["delivery_id"] == again.delivery_id]
    await finish(delivery_db, mine, token, action="retry")
    assert [kind for kind, _ in await reported(admin, by_hand)] == [
        "offer_made",
        "delivery_delivered",
    ]
    assert [kind for kind, _ in await reported(admin, again)] == ["offer_made"]


async def test_a_worker_that_lost_its_lease_reports_nothing(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    for action in ("fail", "complete"):
        await finish(delivery_db, rows, token, action=action, now=later(LEASE_LOST_SECONDS))
    assert [kind for kind, _ in await reported(admin, offer)] == ["offer_made"]


async def test_exhausted_and_withdrawn_deliveries_are_reported(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=2)
    exhausted, withdrawn = await offered(delivery_db, workspace, 2)
    await advance(delivery_db, withdrawn, "STOPPED")
    await claim(delivery_db)
    assert await claim(delivery_db, attempts_max=1, now=later(LEASE_LOST_SECONDS)) == []
    kinds = [kind for kind, _ in await reported(admin, exhausted)]
    assert kinds == ["offer_made", "delivery_dead_letter"]
    assert ("delivery_failed", str(withdrawn.delivery_id)) in await reported(admin, withdrawn)
    assert await broken_equations(delivery_db) == {}
