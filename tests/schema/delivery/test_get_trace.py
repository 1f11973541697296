"""A trace's rows, as bars of a waterfall."""

from uuid import UUID, uuid4

from services.chassis.database import Database, Record
from tests.schema.delivery.builders import (
    LEASE_SECONDS,
    Offered,
    a_workspace,
    claim,
    complete,
    finish,
    grant,
    later,
    offered,
)


async def test_a_lead_that_waited_failed_and_arrived_is_shown_whole(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db)
    (offer,) = await offered(delivery_db, workspace)
    await claim(delivery_db, now=later(1))
    await grant(delivery_db, workspace, 1, now=later(100))
    token = uuid4()
    rows = await claim(delivery_db, token=token, now=later(101))
    await finish(delivery_db, rows, token, action="retry", now=later(102))
    token = uuid4()
    rows = await claim(delivery_db, token=token, now=later(110))
    await finish(delivery_db, rows, token, action="complete", now=later(111))
    bars = await _trace(delivery_db, offer)
    shown = [(bar["name"], bar["waiting"], bar["outcome"]) for bar in bars]
    waits = [name for name, waiting, _ in shown if waiting]
    assert waits == [
        "queue for delivery",
        "queue sync.delivery_events",
        "wait for credit",
        "credit held",
        "wait before retry",
        "credit held",
        "queue sync.delivery_events",
    ]
    assert ("delivery attempt", False, "retry") in shown
    assert ("delivery attempt", False, "accepted") in shown
    assert ("credit consumption", False, "CREDIT_CONSUMPTION") in shown
    assert ("offer to SENT_TO_DEVELOPER", False, "SENT_TO_DEVELOPER") in shown
    assert all(bar["started_at"] <= (bar["ended_at"] or bar["started_at"]) for bar in bars)
    starts = [bar["started_at"] for bar in bars]
    assert starts == sorted(starts)
    first, second = (bar for bar in bars if bar["name"] == "delivery attempt")
    assert first["attempt_trace_id"] is None
    assert second["attempt_trace_id"] not in (None, offer.traceparent[3:35])
    assert offer.traceparent[3:35] in second["linked_trace_ids"]


async def test_what_still_goes_on_has_no_end(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    await claim(delivery_db)
    await claim(delivery_db, now=later(LEASE_SECONDS))
    bars = await _trace(delivery_db, offer)
    open_bars = {(bar["name"], bar["outcome"]) for bar in bars if bar["ended_at"] is None}
    assert open_bars == {
        ("queue sync.delivery_events", "pending"),
        ("delivery", "IN_PROGRESS"),
        ("delivery attempt", "pending"),
        ("credit held", "pending"),
    }


async def test_a_workspace_token_and_another_org_see_what_is_theirs(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    await complete(delivery_db, [offer])
    assert await _trace(delivery_db, offer, workspace_id=workspace.workspace_id) != []
    assert await _trace(delivery_db, offer, workspace_id=uuid4()) == []
    assert await _trace(delivery_db, offer, org_id=uuid4()) == []


async def _trace(
    db: Database,
    offer: Offered,
    *,
    org_id: UUID | None = None,
    workspace_id: UUID | None = None,
) -> list[Record]:
    return await db.rows(
        "get_trace",
        p_org_ids=[org_id or offer.org_id],
        p_workspace_id=workspace_id,
        p_trace_id=offer.traceparent[3:35],
    )
