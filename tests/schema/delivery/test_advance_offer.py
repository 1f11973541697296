"""Moving an offer one step by hand."""

from typing import Any
from uuid import uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from tests.schema.delivery.builders import (
    LEASE_SECONDS,
    a_workspace,
    advance,
    an_offer,
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


async def test_an_offer_is_advanced_by_hand_and_its_delivery_comes_with_lead_ready(
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
async def test_a_step_that_is_not_allowed_is_refused_with_its_ends(
    to_status: str, delivery_db: Database
) -> None:
    workspace = await a_workspace(delivery_db)
    offer = an_offer(workspace)
    await offer_leads(delivery_db, [offer], policy="manual")
    with pytest.raises(DomainError) as refused:
        await advance(delivery_db, offer, to_status)
    assert refused.value.reason == "TRANSITION_REFUSED"
    assert refused.value.metadata == {"from": "PENDING_MAPPING", "to": to_status}


async def test_sent_to_developer_is_reached_only_by_completing(delivery_db: Database) -> None:
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
