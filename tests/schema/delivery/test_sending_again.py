"""Giving back, lengthening a lease, redelivering, and moving offers by hand."""

from typing import Any
from uuid import uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from tests.schema.delivery.builders import (
    LEASE_SECONDS,
    Offered,
    a_workspace,
    advance,
    an_offer,
    attempts,
    balance,
    broken_equations,
    claim,
    complete,
    delivery,
    finish,
    later,
    offer_leads,
    offer_status,
    offered,
)


async def test_what_is_given_back_is_due_at_once_with_its_attempt_unspent(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    await claim(delivery_db, token=token)
    assert await _give_back(delivery_db, offer, uuid4()) == 0
    assert await _give_back(delivery_db, offer, token) == 1
    assert await attempts(delivery_db, offer) == []
    (row,) = await claim(delivery_db)
    assert row["attempt_count"] == 1
    assert [one["number"] for one in await attempts(delivery_db, offer)] == [1]
    assert await balance(delivery_db, workspace) == (0, 1, 0)
    assert await broken_equations(delivery_db) == {}


async def test_what_lost_its_lease_is_not_given_back(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    await claim(delivery_db, token=token)
    # Whether it was sent is not known any more, so its attempt must stay.
    assert await _give_back(delivery_db, offer, token, seconds=LEASE_SECONDS) == 0
    assert [one["number"] for one in await attempts(delivery_db, offer)] == [1]
    assert (await delivery(delivery_db, offer))["status"] == "IN_PROGRESS"
    assert await _give_back(delivery_db, offer, token, seconds=LEASE_SECONDS - 1) == 1


async def test_a_lengthened_lease_is_not_claimed_by_another(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    await claim(delivery_db, token=token)
    assert await _extend(delivery_db, offer, token, seconds=30) is True
    assert await claim(delivery_db, now=later(LEASE_SECONDS)) == []
    assert await _extend(delivery_db, offer, token, seconds=30 + LEASE_SECONDS) is False


async def test_a_dead_letter_is_redelivered_with_its_attempts_counted_anew(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    await finish(
        delivery_db, rows, token, action="dead_letter", outcome="rejected", reason="rejected"
    )
    await _redeliver(delivery_db, offer)
    (row,) = await claim(delivery_db, now=later(1))
    assert (row["delivery_id"], row["attempt_count"]) == (offer.delivery_id, 1)
    assert [one["number"] for one in await attempts(delivery_db, offer)] == [1, 2]


async def test_only_a_failed_delivery_is_redelivered(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    with pytest.raises(DomainError) as pending:
        await _redeliver(delivery_db, offer)
    await complete(delivery_db, [offer])
    with pytest.raises(DomainError) as delivered:
        await _redeliver(delivery_db, offer)
    with pytest.raises(DomainError) as unknown:
        await _redeliver(delivery_db, an_offer(workspace))
    assert pending.value.reason == delivered.value.reason == "DELIVERY_STATE_REFUSED"
    assert unknown.value.reason == "DELIVERY_NOT_FOUND"


async def test_an_offer_walks_by_hand_and_its_delivery_comes_with_lead_ready(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    offer = an_offer(workspace)
    await offer_leads(delivery_db, [offer], policy="manual")
    for status in ("TO_BE_CONTACTED", "CONTACTED", "ENGAGED", "QUALIFYING", "SCORED"):
        assert (await advance(delivery_db, offer, status))["delivery_id"] is None
    ready = await advance(delivery_db, offer, "LEAD_READY")
    assert (ready["status"], ready["delivery_id"]) == ("LEAD_READY", offer.delivery_id)
    assert len(await claim(delivery_db)) == 1


@pytest.mark.parametrize("to_status", ["CONTACTED", "SENT_TO_DEVELOPER", "PENDING_MAPPING"])
async def test_a_step_that_there_is_not_is_refused_with_its_ends(
    to_status: str, delivery_db: Database
) -> None:
    workspace = await a_workspace(delivery_db)
    offer = an_offer(workspace)
    await offer_leads(delivery_db, [offer], policy="manual")
    with pytest.raises(DomainError) as refused:
        await advance(delivery_db, offer, to_status)
    assert refused.value.reason == "TRANSITION_REFUSED"
    assert refused.value.metadata == {"from": "PENDING_MAPPING", "to": to_status}


async def test_sent_to_developer_is_reached_by_completing_alone(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    with pytest.raises(DomainError) as refused:
        await advance(delivery_db, offer, "SENT_TO_DEVELOPER")
    assert refused.value.reason == "TRANSITION_REFUSED"
    assert await offer_status(delivery_db, offer) == "LEAD_READY"


async def test_a_stopped_offer_is_not_sent_and_its_credit_comes_back(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    await finish(delivery_db, rows, token, action="retry", outcome="unknown", hold_action="keep")
    await advance(delivery_db, offer, "STOPPED", now=later(1))
    assert (await delivery(delivery_db, offer))["status"] == "FAILED"
    assert await balance(delivery_db, workspace) == (1, 0, 0)
    assert await claim(delivery_db, now=later(60)) == []
    assert await broken_equations(delivery_db) == {}


async def test_an_offer_is_not_stopped_in_the_middle_of_being_sent(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    await claim(delivery_db)
    with pytest.raises(DomainError) as refused:
        await advance(delivery_db, offer, "STOPPED", now=later(1))
    assert refused.value.reason == "DELIVERY_STATE_REFUSED"
    await advance(delivery_db, offer, "STOPPED", now=later(LEASE_SECONDS))
    assert await offer_status(delivery_db, offer) == "STOPPED"
    assert await broken_equations(delivery_db) == {}


async def test_an_offer_that_comes_back_has_the_same_one_delivery(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    for status in ("DISQUALIFIED", "REACTIVATION", "ENGAGED", "QUALIFYING"):
        await advance(delivery_db, offer, status)
    ready = await advance(delivery_db, offer, "LEAD_READY")
    assert ready["delivery_id"] == offer.delivery_id
    assert await complete(delivery_db, [offer]) == {offer.delivery_id: "completed"}
    assert await admin.fetchval("select count(*) from delivery.deliveries") == 1
    assert await broken_equations(delivery_db) == {}


async def test_an_unknown_offer_is_not_found(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db)
    with pytest.raises(DomainError) as refused:
        await advance(delivery_db, an_offer(workspace), "CONTACTED")
    assert refused.value.reason == "OFFER_NOT_FOUND"


async def _give_back(db: Database, offer: Offered, token: Any, *, seconds: float = 0) -> int:
    returned: int = await db.value(
        "return_deliveries",
        p_org_ids=[offer.org_id],
        p_delivery_ids=[offer.delivery_id],
        p_tokens=[token],
        p_now=later(seconds),
    )
    return returned


async def _extend(db: Database, offer: Offered, token: Any, *, seconds: float) -> bool:
    extended: bool = await db.value(
        "extend_delivery_lease",
        p_org_id=offer.org_id,
        p_delivery_id=offer.delivery_id,
        p_token=token,
        p_lease_seconds=LEASE_SECONDS,
        p_hold_seconds=3600.0,
        p_now=later(seconds),
    )
    return extended


async def _redeliver(db: Database, offer: Offered) -> None:
    await db.rows(
        "redeliver_delivery",
        p_org_id=offer.org_id,
        p_delivery_id=offer.delivery_id,
        p_traceparent=offer.traceparent,
        p_now=later(0),
    )
