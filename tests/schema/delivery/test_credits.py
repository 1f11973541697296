import asyncio
from typing import Any
from uuid import uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from tests.schema.delivery.builders import (
    LEASE_SECONDS,
    NOW,
    Workspace,
    a_workspace,
    balance,
    broken_equations,
    claim,
    complete,
    delivery,
    grant,
    later,
    offered,
)

TRACEPARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"


async def test_the_same_request_grants_once_and_answers_as_it_did(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db)
    first = await grant(delivery_db, workspace, 5, request_id="r", request_hash="h")
    await grant(delivery_db, workspace, 1)
    again = await grant(delivery_db, workspace, 5, request_id="r", request_hash="h")
    assert dict(first) == dict(again)
    assert await balance(delivery_db, workspace) == (6, 0, 0)


async def test_a_request_id_with_other_content_is_refused(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db)
    await grant(delivery_db, workspace, 5, request_id="r", request_hash="h")
    with pytest.raises(DomainError) as refused:
        await grant(delivery_db, workspace, 6, request_id="r", request_hash="other")
    assert refused.value.reason == "REQUEST_ID_REUSED"


async def test_a_workspace_that_is_not_known_gets_no_credits(delivery_db: Database) -> None:
    with pytest.raises(DomainError) as refused:
        await grant(delivery_db, Workspace(org_id=uuid4(), workspace_id=uuid4()), 1)
    assert refused.value.reason == "WORKSPACE_NOT_FOUND"


async def test_a_grant_past_the_bound_is_refused_and_changes_nothing(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1_999_999_990)
    with pytest.raises(DomainError) as refused:
        await grant(delivery_db, workspace, 11, request_id="r", request_hash="h")
    assert refused.value.reason == "INVALID_REQUEST"
    assert refused.value.metadata == {"fields": "credits"}
    assert "10 more" in refused.value.message
    await grant(delivery_db, workspace, 10)
    assert await balance(delivery_db, workspace) == (2_000_000_000, 0, 0)
    assert await broken_equations(delivery_db) == {}


async def test_the_ledger_lists_both_sides_of_everything_newest_first_in_pages(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=3)
    offers = await offered(delivery_db, workspace, 2)
    token = uuid4()
    await claim(delivery_db, token=token)
    await complete(delivery_db, offers, tokens=[token, token])
    seen: list[tuple[Any, ...]] = []
    before: tuple[int | None, str | None] = (None, None)
    while page := await delivery_db.rows(
        "list_ledger_entries",
        p_org_id=workspace.org_id,
        p_workspace_id=None,
        p_of_workspace_id=workspace.workspace_id,
        p_limit=3,
        p_before_version=before[0],
        p_after_account=before[1],
    ):
        seen += [
            tuple(row[c] for c in ("type", "account", "amount", "balance_after")) for row in page
        ]
        before = (page[-1]["version"], page[-1]["account"])
    assert seen == [
        ("CREDIT_CONSUMPTION", "consumed", 1, 2),
        ("CREDIT_CONSUMPTION", "held", -1, 0),
        ("CREDIT_CONSUMPTION", "consumed", 1, 1),
        ("CREDIT_CONSUMPTION", "held", -1, 1),
        ("CREDIT_HOLD", "available", -1, 1),
        ("CREDIT_HOLD", "held", 1, 2),
        ("CREDIT_HOLD", "available", -1, 2),
        ("CREDIT_HOLD", "held", 1, 1),
        ("CREDIT_GRANT", "available", 3, 3),
        ("CREDIT_GRANT", "granted", -3, -3),
    ]


async def test_a_hold_expires_only_when_nobody_is_sending(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    await claim(delivery_db, hold_seconds=10)
    assert await _expire(delivery_db, later_seconds=LEASE_SECONDS - 1) == 0
    assert await _expire(delivery_db, later_seconds=LEASE_SECONDS) == 1
    assert await balance(delivery_db, workspace) == (1, 0, 0)
    # Its holder is gone, so a completion by hand takes from what is available.
    assert await complete(delivery_db, [offer]) == {offer.delivery_id: "completed"}
    assert await broken_equations(delivery_db) == {}


async def test_a_hold_that_is_renewed_while_the_sweep_waits_for_its_account_stays(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    await offered(delivery_db, workspace)
    await claim(delivery_db, hold_seconds=10)
    async with admin.transaction():
        await admin.execute("select from delivery.credit_accounts for update")
        sweep = asyncio.create_task(_expire(delivery_db, later_seconds=LEASE_SECONDS))
        while not await admin.fetchval("select count(*) from pg_locks where not granted"):
            continue
        await admin.execute("update delivery.credit_holds set expires_at = $1", later(3600))
    assert await sweep == 0
    assert await balance(delivery_db, workspace) == (0, 1, 0)


async def test_a_tick_is_run_by_one_process(delivery_db: Database) -> None:
    answers = await asyncio.gather(*(_expire(delivery_db, later_seconds=5) for _ in range(8)))
    assert sorted(answers, key=str) == [0, *[None] * 7]


async def test_the_sweep_wakes_what_a_wake_up_passed_over(
    delivery_db: Database, admin: Any
) -> None:
    rich = await a_workspace(delivery_db, credits=1)
    poor = await a_workspace(delivery_db)
    (missed,) = await offered(delivery_db, rich)
    (waiting,) = await offered(delivery_db, poor)
    await admin.execute("update delivery.deliveries set waiting_for = 'credit'")
    woken = await delivery_db.value(
        "wake_parked_deliveries",
        p_limit=10,
        p_every_seconds=5.0,
        p_traceparent=TRACEPARENT,
        p_now=NOW,
    )
    assert woken == 1
    assert (await delivery(delivery_db, missed))["waiting_for"] is None
    assert (await delivery(delivery_db, waiting))["waiting_for"] == "credit"


async def _expire(db: Database, *, later_seconds: float) -> int | None:
    expired: int | None = await db.value(
        "expire_holds",
        p_limit=100,
        p_every_seconds=1.0,
        p_traceparent=TRACEPARENT,
        p_now=later(later_seconds),
    )
    return expired
