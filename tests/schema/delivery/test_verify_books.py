"""Each equation of the books notices a row that was tampered with."""

from typing import Any
from uuid import uuid4

import pytest

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    a_workspace,
    broken_equations,
    claim,
    complete,
    finish,
    offered,
)

# What is done behind the functions' back, and the equation that notices.
TAMPERINGS = {
    "one delivery per offer at LEAD_READY or SENT_TO_DEVELOPER": (
        "delete from delivery.deliveries where status = 'IN_PROGRESS'"
    ),
    "sent offers have a completed delivery": (
        "update delivery.lead_offers set status = 'LEAD_READY' where status = 'SENT_TO_DEVELOPER'"
    ),
    "one consumption per delivered delivery": (
        "update delivery.deliveries set status = 'FAILED' where status = 'DELIVERED'"
    ),
    "ledger transactions add up to zero": (
        "update delivery.credit_transactions set to_balance_after = to_balance_after + 1"
        " where type = 'CREDIT_CONSUMPTION'"
    ),
    "balances equal the sum of their entries": (
        "update delivery.credit_accounts set available = available + 1, granted = granted + 1"
    ),
    "no negative balance": (
        "alter table delivery.credit_accounts drop constraint credit_accounts_available_check;"
        " update delivery.credit_accounts set available = -1, granted = held + consumed - 1"
    ),
    "held equals live holds": (
        "update delivery.credit_holds set status = 'released' where status = 'live'"
    ),
    "each attempt belongs to a credit held for its delivery": (
        "delete from delivery.credit_holds where status = 'live'"
    ),
    "each offer has an event for every step": (
        "delete from delivery.lead_events where to_status = 'LEAD_READY'"
    ),
    "no row without a trace": "update delivery.lead_events set trace_id = repeat('0', 32)",
    "each completed delivery was accepted, or completed by hand": (
        "delete from delivery.delivery_endpoints"
    ),
    "each try at an endpoint has its attempt": (
        "delete from delivery.attempts where outcome = 'accepted'"
    ),
    "each delivery, event and charge is of its offer's lead and workspace": (
        "update delivery.lead_offers set lead_id = gen_random_uuid()"
    ),
    "each ledger entry has its transaction": (
        "delete from delivery.credit_transactions where type = 'CREDIT_GRANT'"
    ),
    "each offer and each ended delivery is in the outbox for the timeline": (
        "delete from delivery.outbox where payload ->> 'type' = 'delivery_delivered'"
    ),
}


@pytest.fixture
async def books(delivery_db: Database) -> Database:
    """Books with a delivered lead and one under way."""
    workspace = await a_workspace(delivery_db, credits=5)
    sent, _ = await offered(delivery_db, workspace, 2)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    mine = [row for row in rows if row["delivery_id"] == sent.delivery_id]
    await finish(delivery_db, mine, token, action="complete")
    assert await broken_equations(delivery_db) == {}
    return delivery_db


@pytest.mark.parametrize("equation", TAMPERINGS)
async def test_a_tampered_row_is_named(equation: str, books: Database, admin: Any) -> None:
    await admin.execute("set session_replication_role = replica")
    await admin.execute(TAMPERINGS[equation])
    broken = await broken_equations(books)
    assert equation in broken
    assert all(": " in violation for violation in broken[equation])


async def test_a_delivery_completed_by_hand_needs_no_acceptance(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    await claim(delivery_db)
    await complete(delivery_db, [offer])
    assert await broken_equations(delivery_db) == {}


@pytest.mark.parametrize(
    "change", ["lead_id = gen_random_uuid()", "workspace_id = gen_random_uuid()"]
)
async def test_a_delivery_of_another_lead_or_workspace_than_its_offers_is_named(
    change: str, books: Database, admin: Any
) -> None:
    await admin.execute("set session_replication_role = replica")
    await admin.execute(f"update delivery.deliveries set {change}")
    assert "each delivery, event and charge is of its offer's lead and workspace" in (
        await broken_equations(books)
    )


async def test_every_equation_is_tampered_with(books: Database) -> None:
    rows = await books.rows("verify_books")
    assert {row["equation"] for row in rows} == set(TAMPERINGS)
    assert await books.rows("book_totals") != []


@pytest.mark.parametrize(
    ("equation", "tampering"),
    [
        (
            "one consumption per delivered delivery",
            "update delivery.credit_transactions set delivery_id = gen_random_uuid()"
            " where type = 'CREDIT_HOLD'",
        ),
        (
            "balances equal the sum of their entries",
            "update delivery.credit_transactions set credits = 1 where type = 'CREDIT_GRANT'",
        ),
        (
            "balances equal the sum of their entries",
            "update delivery.credit_transactions set from_account = 'available'"
            " where type = 'CREDIT_CONSUMPTION'",
        ),
        (
            "held equals live holds",
            "update delivery.credit_transactions set hold_id = gen_random_uuid()"
            " where type = 'CREDIT_CONSUMPTION'",
        ),
        (
            "each ledger entry has its transaction",
            "delete from delivery.credit_transactions t where version ="
            " (select max(version) from delivery.credit_transactions)",
        ),
        (
            "each ledger entry has its transaction",
            "update delivery.credit_transactions set workspace_id = gen_random_uuid()",
        ),
        (
            "no row without a trace",
            "update delivery.lead_events set trace_id = repeat('a', 32)",
        ),
        (
            "no row without a trace",
            "update delivery.credit_transactions set trace_id = repeat('a', 32)"
            " where type = 'CREDIT_CONSUMPTION'",
        ),
        (
            "no row without a trace",
            "update delivery.credit_holds set trace_id = repeat('a', 32)",
        ),
        (
            "no row without a trace",
            "update delivery.attempts set trace_id = repeat('a', 32)",
        ),
        (
            "each delivery, event and charge is of its offer's lead and workspace",
            "update delivery.lead_events set offer_id = gen_random_uuid()",
        ),
        (
            "each delivery, event and charge is of its offer's lead and workspace",
            "update delivery.credit_holds set workspace_id = gen_random_uuid()",
        ),
        (
            "each delivery, event and charge is of its offer's lead and workspace",
            "update delivery.credit_transactions set workspace_id = gen_random_uuid()"
            " where type = 'CREDIT_CONSUMPTION'",
        ),
    ],
)
async def test_a_row_that_no_key_binds_to_another_is_named(
    equation: str, tampering: str, books: Database, admin: Any
) -> None:
    await admin.execute("set session_replication_role = replica")
    await admin.execute(tampering)
    assert equation in await broken_equations(books)


async def test_an_offer_that_is_missing_in_the_outbox_is_named(books: Database, admin: Any) -> None:
    await admin.execute("delete from delivery.outbox where payload ->> 'type' = 'offer_made'")
    assert list(await broken_equations(books)) == [
        "each offer and each ended delivery is in the outbox for the timeline"
    ]
