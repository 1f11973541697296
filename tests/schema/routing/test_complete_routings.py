"""A batch of completed leads: an outcome for each, and no deadlock between batches."""

import asyncio
from uuid import UUID, uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from tests.schema.routing.builders import (
    Admin,
    a_hash,
    a_workspace,
    acquire,
    complete_all,
    leads,
)


async def test_a_batch_has_an_outcome_for_each_lead(routing_db: Database, admin: Admin) -> None:
    org_id, token = uuid4(), new_id()
    workspace_id = await a_workspace(routing_db, org_id)
    first, second, third = await leads(routing_db, org_id, 3)
    await acquire(routing_db, token=token)
    same, stranger = a_hash(), uuid4()
    outcomes = await complete_all(
        routing_db,
        token,
        org_id,
        workspace_id,
        [(first, [same, a_hash()]), (second, [a_hash(), same]), (third, []), (stranger, [same])],
    )
    assert outcomes == {first: "routed", second: "duplicate", third: "routed", stranger: "lost"}
    assert await admin.fetchval("select count(*) from routing.outbox") == 2


async def test_batches_of_the_same_persons_do_not_deadlock_and_route_each_person_once(
    routing_db: Database, admin: Admin
) -> None:
    org_id, token = uuid4(), new_id()
    workspace_id = await a_workspace(routing_db, org_id)
    persons = [[a_hash(), a_hash()] for _ in range(20)]
    lead_ids = await leads(routing_db, org_id, 1000)
    await acquire(routing_db, token=token)

    async def complete_batch(number: int, batch: list[UUID]) -> dict[UUID, str]:
        # Every other batch meets the persons and their hashes in the opposite order.
        step = -1 if number % 2 else 1
        hashes = [person[::step] for person in persons[::step]]
        return await complete_all(
            routing_db, token, org_id, workspace_id, list(zip(batch, hashes, strict=True))
        )

    batches = [lead_ids[start : start + 20] for start in range(0, 1000, 20)]
    answers = await asyncio.gather(
        *(complete_batch(number, batch) for number, batch in enumerate(batches))
    )
    outcomes = [outcome for answer in answers for outcome in answer.values()]
    assert (outcomes.count("routed"), outcomes.count("duplicate")) == (20, 980)
    assert await admin.fetchval("select count(*) from routing.outbox") == 20
