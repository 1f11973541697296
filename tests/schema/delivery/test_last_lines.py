"""What no function can get around: keys and checks that hold whatever the code above them does."""

from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.chassis.database import Database
from tests.schema.delivery.builders import a_workspace, claim, complete, offered

# A second row beside one that is there: another id, the rest the same.
SECOND = """
insert into delivery.{table}
select (jsonb_populate_record(t, jsonb_build_object('{key}', gen_random_uuid()))).*
from delivery.{table} t
where {where}
limit 1"""


@pytest.fixture
async def books(delivery_db: Database) -> Database:
    """A delivered lead, one that is being sent and one that waits for a credit."""
    workspace = await a_workspace(delivery_db, credits=5)
    sent, _ = await offered(delivery_db, workspace, 2)
    await offered(delivery_db, await a_workspace(delivery_db))
    token = uuid4()
    await claim(delivery_db, token=token)
    await complete(delivery_db, [sent], tokens=[token])
    return delivery_db


@pytest.mark.parametrize(
    ("table", "key", "where"),
    [
        # Of a place in the books there is one transaction, whatever its id.
        ("credit_transactions", "transaction_id", "type = 'CREDIT_GRANT'"),
        ("credit_holds", "hold_id", "status = 'live'"),
        ("deliveries", "delivery_id", "true"),
        ("delivery_waits", "wait_id", "ended_at is null"),
        ("attempts", "attempt_id", "true"),
    ],
)
async def test_there_is_no_second_one(
    books: Database, admin: Any, table: str, key: str, where: str
) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await admin.execute(SECOND.format(table=table, key=key, where=where))


async def test_a_delivery_is_charged_once_wherever_in_the_books(
    books: Database, admin: Any
) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await admin.execute(
            """insert into delivery.credit_transactions
               select (jsonb_populate_record(t, jsonb_build_object('version', 1000))).*
               from delivery.credit_transactions t
               where type = 'CREDIT_CONSUMPTION'"""
        )


@pytest.mark.parametrize(
    "change",
    [
        "available = -1, granted = granted - available - 1",
        "held = -1, granted = granted - held - 1",
        "consumed = consumed + 1",
    ],
)
async def test_a_balance_is_never_negative_and_always_accounted_for(
    books: Database, admin: Any, change: str
) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await admin.execute(f"update delivery.credit_accounts set {change} where granted > 0")


@pytest.mark.parametrize(
    "change",
    [
        "credits = 0",
        "from_balance_after = -from_balance_after - 1",
        "to_balance_after = -1",
        "from_account = to_account",
        "to_account = 'granted'",
        "type = case type when 'CREDIT_HOLD' then 'CREDIT_RELEASE' else 'CREDIT_HOLD' end",
    ],
)
async def test_a_transaction_moves_credits_the_way_of_its_type_and_below_no_zero(
    books: Database, admin: Any, change: str
) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await admin.execute(f"update delivery.credit_transactions set {change}")
