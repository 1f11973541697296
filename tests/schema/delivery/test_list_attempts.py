"""Every attempt of a delivery."""

from uuid import uuid4

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    a_workspace,
    attempts,
    claim,
    finish,
    later,
    offered,
)


async def test_attempts_are_listed_oldest_first_with_their_outcomes(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    await finish(delivery_db, rows, token, action="retry", now=later(1))
    await claim(delivery_db, now=later(10))
    listed = await attempts(delivery_db, offer)
    assert [(row["number"], row["outcome"], row["ended_at"]) for row in listed] == [
        (1, "retry", later(1)),
        (2, None, None),
    ]
