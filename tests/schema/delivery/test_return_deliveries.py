"""Returning claimed deliveries that were not sent."""

from typing import Any
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    LEASE_SECONDS,
    Offered,
    a_workspace,
    attempts,
    balance,
    broken_equations,
    claim,
    delivery,
    later,
    offered,
)


async def test_a_returned_delivery_is_due_at_once_with_its_attempt_unspent(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    await claim(delivery_db, token=token)
    assert await _return(delivery_db, offer, uuid4()) == 0
    assert await _return(delivery_db, offer, token) == 1
    assert await attempts(delivery_db, offer) == []
    (row,) = await claim(delivery_db)
    assert row["attempt_count"] == 1
    assert [one["number"] for one in await attempts(delivery_db, offer)] == [1]
    assert await balance(delivery_db, workspace) == (0, 1, 0)
    assert await broken_equations(delivery_db) == {}


async def test_what_lost_its_lease_is_not_returned(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    await claim(delivery_db, token=token)
    # Whether it was sent is not known any more, so its attempt must stay.
    assert await _return(delivery_db, offer, token, seconds=LEASE_SECONDS) == 0
    assert [one["number"] for one in await attempts(delivery_db, offer)] == [1]
    assert (await delivery(delivery_db, offer))["status"] == "IN_PROGRESS"
    assert await _return(delivery_db, offer, token, seconds=LEASE_SECONDS - 1) == 1


async def _return(db: Database, offer: Offered, token: Any, *, seconds: float = 0) -> int:
    returned: int = await db.value(
        "return_deliveries",
        p_org_ids=[offer.org_id],
        p_delivery_ids=[offer.delivery_id],
        p_tokens=[token],
        p_now=later(seconds),
    )
    return returned
