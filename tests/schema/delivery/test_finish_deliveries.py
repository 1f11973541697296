from typing import Any
from uuid import uuid4

import pytest

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    HOLD_SECONDS,
    LEASE_SECONDS,
    a_workspace,
    attempts,
    balance,
    broken_equations,
    claim,
    delivery,
    finish,
    later,
    offer_status,
    offered,
)


@pytest.mark.parametrize(
    ("action", "status"), [("complete", "DELIVERED"), ("complete_partial", "PARTIAL")]
)
async def test_a_delivered_lead_is_paid_for(
    action: str, status: str, delivery_db: Database
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    answer = await finish(delivery_db, rows, token, action=action)
    assert answer == {offer.delivery_id: "finished"}
    assert (await delivery(delivery_db, offer))["status"] == status
    assert await offer_status(delivery_db, offer) == "SENT_TO_DEVELOPER"
    assert await balance(delivery_db, workspace) == (0, 0, 1)
    assert [one["outcome"] for one in await attempts(delivery_db, offer)] == ["accepted"]
    assert await broken_equations(delivery_db) == {}


async def test_a_retry_waits_its_time_and_gives_its_credit_back(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    await finish(delivery_db, rows, token, action="retry", retry_after_seconds=30)
    row = await delivery(delivery_db, offer)
    assert (row["status"], row["waiting_for"], row["next_attempt_at"]) == (
        "PENDING",
        "retry",
        later(30),
    )
    assert await balance(delivery_db, workspace) == (1, 0, 0)
    assert await claim(delivery_db, now=later(29)) == []
    (again,) = await claim(delivery_db, now=later(30))
    assert again["attempt_count"] == 2
    assert again["attempt_traceparent"][3:35] != offer.traceparent[3:35]
    assert await broken_equations(delivery_db) == {}


async def test_an_unknown_outcome_keeps_its_hold_until_it_expires(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    await offered(delivery_db, workspace)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    await finish(
        delivery_db,
        rows,
        token,
        action="retry",
        outcome="unknown",
        hold_action="keep",
        retry_after_seconds=2 * HOLD_SECONDS,
    )
    assert await balance(delivery_db, workspace) == (0, 1, 0)
    assert await _expire(delivery_db, HOLD_SECONDS - 1) == 0
    assert await _expire(delivery_db, HOLD_SECONDS + 60) == 1
    assert await balance(delivery_db, workspace) == (1, 0, 0)


async def test_the_hold_of_a_lead_that_a_buyer_has_outlives_the_wait(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    await offered(delivery_db, workspace)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    wait = 2 * HOLD_SECONDS
    await finish(
        delivery_db,
        rows,
        token,
        action="retry",
        hold_action="extend",
        retry_after_seconds=wait,
    )
    assert await _expire(delivery_db, wait) == 0
    assert await balance(delivery_db, workspace) == (0, 1, 0)


@pytest.mark.parametrize(("action", "status"), [("fail", "FAILED"), ("dead_letter", "DEAD_LETTER")])
async def test_a_lost_delivery_says_why_and_costs_nothing(
    action: str, status: str, delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    await finish(delivery_db, rows, token, action=action, outcome="rejected", reason="rejected")
    assert (await delivery(delivery_db, offer))["status"] == status
    assert await admin.fetchval("select reason from delivery.deliveries") == "rejected"
    assert await balance(delivery_db, workspace) == (1, 0, 0)
    assert await claim(delivery_db, now=later(86_400)) == []
    assert await broken_equations(delivery_db) == {}


async def test_a_gone_endpoint_is_disabled_and_what_waits_for_it_is_parked(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=2)
    first, second = await offered(delivery_db, workspace, 2)
    token = uuid4()
    rows = await claim(delivery_db, token=token, limit=1)
    await finish(delivery_db, rows, token, action="defer", outcome="gone", reason="gone")
    endpoint = await admin.fetchrow("select status, disabled_reason from delivery.endpoints")
    assert tuple(endpoint) == ("disabled", "gone")
    assert await claim(delivery_db, now=later(1)) == []
    for offer in (first, second):
        row = await delivery(delivery_db, offer)
        assert (row["waiting_for"], row["attempt_count"]) == ("endpoint", 0)
    assert await balance(delivery_db, workspace) == (2, 0, 0)
    await delivery_db.rows(
        "enable_endpoint",
        p_org_id=workspace.org_id,
        p_endpoint_id=rows[0]["endpoint_id"],
        p_traceparent=first.traceparent,
        p_now=later(60),
    )
    assert len(await claim(delivery_db, now=later(60))) == 2
    assert await broken_equations(delivery_db) == {}


async def test_a_stalled_worker_past_its_lease_changes_nothing(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=2)
    (offer,) = await offered(delivery_db, workspace)
    stalled, busy = uuid4(), uuid4()
    old = await claim(delivery_db, token=stalled)
    new = await claim(delivery_db, token=busy, now=later(LEASE_SECONDS))
    before = await _everything(admin)
    for action in ("complete", "retry", "dead_letter", "defer"):
        answer = await finish(
            delivery_db,
            old,
            stalled,
            action=action,
            outcome="gone",
            throttle_seconds=60,
            now=later(LEASE_SECONDS + 1),
        )
        assert answer == {offer.delivery_id: "lease_lost"}
    assert await _everything(admin) == before
    now = later(LEASE_SECONDS + 1)
    answer = await finish(delivery_db, new, busy, action="complete", now=now)
    assert answer == {offer.delivery_id: "finished"}


async def test_a_report_that_comes_after_its_own_lease_changes_nothing(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=2)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    before = await _everything(admin)
    answer = await finish(delivery_db, rows, token, action="retry", now=later(LEASE_SECONDS))
    assert answer == {offer.delivery_id: "lease_lost"}
    assert await _everything(admin) == before


async def test_a_report_finishes_no_attempt_of_another_claim(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=2)
    _, other = await offered(delivery_db, workspace, 2)
    token = uuid4()
    (own,) = await claim(delivery_db, token=token, limit=1)
    (foreign,) = await claim(delivery_db, limit=1)
    mixed_up: Any = {**own, "attempt_id": foreign["attempt_id"]}
    await finish(delivery_db, [mixed_up], token, action="retry", outcome="gone")
    assert [one["outcome"] for one in await attempts(delivery_db, other)] == [None]
    assert await admin.fetchval("select status from delivery.endpoints") == "active"


async def test_a_released_credit_goes_to_a_delivery_that_waits_for_one(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    _, waiting = await offered(delivery_db, workspace, 2)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    assert (await delivery(delivery_db, waiting))["waiting_for"] == "credit"
    await finish(delivery_db, rows, token, action="fail", outcome="returned", reason="returned")
    (row,) = await claim(delivery_db)
    assert row["delivery_id"] == waiting.delivery_id


async def test_an_endpoint_that_took_the_lead_is_not_sent_it_again(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=1, endpoints=2)
    await offered(delivery_db, workspace)
    token = uuid4()
    took, failed = await claim(delivery_db, token=token)
    await admin.execute(
        "update delivery.delivery_endpoints set status = 'accepted' where endpoint_id = $1",
        took["endpoint_id"],
    )
    await finish(delivery_db, [failed], token, action="retry", hold_action="extend")
    (row,) = await claim(delivery_db, now=later(5))
    assert row["endpoint_id"] == failed["endpoint_id"]
    assert (row["accepted_count"], row["failed_count"]) == (1, 0)


async def _expire(db: Database, seconds: float) -> int:
    expired: int = await db.value(
        "expire_holds",
        p_limit=100,
        p_every_seconds=1.0,
        p_traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-00",
        p_now=later(seconds),
    )
    return expired


async def _everything(admin: Any) -> list[Any]:
    tables = [
        *("attempts", "credit_accounts", "credit_entries", "credit_holds", "credit_transactions"),
        *("deliveries", "delivery_endpoints", "endpoints", "lead_events", "lead_offers"),
    ]
    return [
        sorted(map(repr, await admin.fetch(f"select * from delivery.{table}"))) for table in tables
    ]
