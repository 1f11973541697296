"""A workspace and what happens to its leads, with defaults; the clock is an argument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database, Record
from services.chassis.ids import new_id
from services.chassis.trace import new_root

NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)
LEASE_SECONDS = 60.0
HOLD_SECONDS = 3600.0


def later(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A workspace of an org."""

    org_id: UUID
    workspace_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A lead that was offered, and the delivery it has or would have."""

    org_id: UUID
    workspace_id: UUID
    lead_id: UUID
    offer_id: UUID
    delivery_id: UUID
    traceparent: str


async def a_workspace(
    db: Database, *, credits: int = 0, endpoints: int = 1, org_id: UUID | None = None
) -> Workspace:
    """A workspace with credits and active endpoints."""
    workspace = Workspace(org_id=org_id or uuid4(), workspace_id=uuid4())
    await db.rows(
        "save_workspaces",
        p_org_ids=[workspace.org_id],
        p_workspace_ids=[workspace.workspace_id],
        p_offer_policies=["direct"],
        p_traceparents=[new_root().traceparent],
        p_now=NOW,
    )
    for _ in range(endpoints):
        await an_endpoint(db, workspace)
    if credits:
        await grant(db, workspace, credits)
    return workspace


async def an_endpoint(db: Database, workspace: Workspace, *, now: datetime = NOW) -> UUID:
    """An active endpoint of the workspace."""
    row = await db.row(
        "create_endpoint",
        p_org_id=workspace.org_id,
        p_endpoint_id=new_id(),
        p_workspace_id=workspace.workspace_id,
        p_url="https://buyer.example/leads",
        p_secret_id=new_id(),
        p_ciphertext=b"sealed",
        p_request_id=None,
        p_request_hash=None,
        p_traceparent=new_root().traceparent,
        p_now=now,
    )
    assert row is not None
    endpoint_id: UUID = row["endpoint_id"]
    return endpoint_id


async def grant(
    db: Database,
    workspace: Workspace,
    credits: int,
    *,
    request_id: str | None = None,
    request_hash: str | None = None,
    now: datetime = NOW,
) -> Record:
    """Credits for the workspace."""
    row = await db.row(
        "grant_credits",
        p_org_id=workspace.org_id,
        p_workspace_id=workspace.workspace_id,
        p_credits=credits,
        p_reason="a test",
        p_request_id=request_id or uuid4().hex,
        p_request_hash=request_hash or uuid4().hex,
        p_traceparent=new_root().traceparent,
        p_now=now,
    )
    assert row is not None
    return row


def an_offer(workspace: Workspace, *, lead_id: UUID | None = None) -> Offered:
    """A lead not yet offered."""
    return Offered(
        org_id=workspace.org_id,
        workspace_id=workspace.workspace_id,
        lead_id=lead_id or uuid4(),
        offer_id=new_id(),
        delivery_id=new_id(),
        traceparent=new_root().traceparent,
    )


async def offer_leads(
    db: Database, offers: Sequence[Offered], *, policy: str = "direct", now: datetime = NOW
) -> list[Record]:
    """Offers them."""
    return await db.rows(
        "offer_leads",
        p_org_ids=[offer.org_id for offer in offers],
        p_offer_ids=[offer.offer_id for offer in offers],
        p_delivery_ids=[offer.delivery_id for offer in offers],
        p_lead_ids=[offer.lead_id for offer in offers],
        p_workspace_ids=[offer.workspace_id for offer in offers],
        p_offer_policies=[policy for _ in offers],
        p_payloads=['{"lead_id": "x"}' for _ in offers],
        p_traceparents=[offer.traceparent for offer in offers],
        p_tracestates=["" for _ in offers],
        p_now=now,
    )


async def offered(
    db: Database, workspace: Workspace, count: int = 1, *, now: datetime = NOW
) -> list[Offered]:
    """So many leads with a delivery each, oldest first."""
    offers = [an_offer(workspace) for _ in range(count)]
    await offer_leads(db, offers, now=now)
    return offers


async def claim(
    db: Database,
    *,
    token: UUID | None = None,
    limit: int = 100,
    workspace_limit: int = 100,
    in_flight_limit: int = 10_000,
    spare: int = 0,
    busy: Mapping[UUID, int] | None = None,
    attempts_max: int = 8,
    hold_seconds: float = HOLD_SECONDS,
    due_from: datetime | None = None,
    now: datetime = NOW,
) -> list[Record]:
    """What a worker gets."""
    return await db.rows(
        "claim_deliveries",
        p_worker="tester",
        p_token=token or uuid4(),
        p_limit=limit,
        p_workspace_limit=workspace_limit,
        p_in_flight_limit=in_flight_limit,
        p_spare_count=spare,
        p_busy_workspace_ids=list(busy or {}),
        p_busy_counts=list((busy or {}).values()),
        p_lease_seconds=LEASE_SECONDS,
        p_hold_seconds=hold_seconds,
        p_attempts_max=attempts_max,
        p_due_from=due_from,
        p_now=now,
    )


async def finish(
    db: Database,
    rows: Sequence[Record],
    token: UUID,
    *,
    action: str,
    outcome: str | None = None,
    reason: str | None = None,
    retry_after_seconds: float = 5,
    hold_action: str = "release",
    throttle_seconds: float = 0,
    error: str | None = None,
    now: datetime = NOW,
) -> dict[UUID, str]:
    """Reports claimed rows back, all alike; returns the outcome of each delivery."""
    outcome = outcome or ("accepted" if action in ("complete", "complete_partial") else "retry")
    deliveries = {row["delivery_id"]: row for row in rows}
    answers = await db.rows(
        "finish_deliveries",
        p_org_ids=[row["org_id"] for row in deliveries.values()],
        p_delivery_ids=list(deliveries),
        p_tokens=[token for _ in deliveries],
        p_actions=[action for _ in deliveries],
        p_reasons=[reason for _ in deliveries],
        p_retry_after_seconds=[retry_after_seconds for _ in deliveries],
        p_hold_actions=[hold_action for _ in deliveries],
        p_hold_seconds=HOLD_SECONDS,
        p_traceparents=[row["traceparent"] for row in deliveries.values()],
        p_attempt_org_ids=[row["org_id"] for row in rows],
        p_attempt_delivery_ids=[row["delivery_id"] for row in rows],
        p_attempt_ids=[row["attempt_id"] for row in rows],
        p_attempt_outcomes=[outcome for _ in rows],
        p_attempt_status_codes=[None for _ in rows],
        p_attempt_errors=[error for _ in rows],
        p_attempt_answer_excerpts=[None for _ in rows],
        p_attempt_throttle_seconds=[throttle_seconds for _ in rows],
        p_now=now,
    )
    return {answer["delivery_id"]: answer["outcome"] for answer in answers}


async def complete(
    db: Database,
    offers: Sequence[Offered],
    *,
    tokens: Sequence[UUID | None] | None = None,
    now: datetime = NOW,
) -> dict[UUID, str]:
    """Completes deliveries, by hand unless tokens are given."""
    rows = await db.rows(
        "complete_deliveries_and_consume_credits",
        p_org_ids=[offer.org_id for offer in offers],
        p_delivery_ids=[offer.delivery_id for offer in offers],
        p_tokens=tokens or [None for _ in offers],
        p_statuses=["DELIVERED" for _ in offers],
        p_traceparents=[offer.traceparent for offer in offers],
        p_now=now,
    )
    return {row["delivery_id"]: row["outcome"] for row in rows}


async def advance(db: Database, offer: Offered, to_status: str, *, now: datetime = NOW) -> Record:
    """Moves the offer one step by hand."""
    row = await db.row(
        "advance_offer",
        p_org_id=offer.org_id,
        p_offer_id=offer.offer_id,
        p_to_status=to_status,
        p_delivery_id=offer.delivery_id,
        p_request_id=None,
        p_request_hash=None,
        p_traceparent=new_root().traceparent,
        p_now=now,
    )
    assert row is not None
    return row


async def balance(db: Database, workspace: Workspace) -> tuple[int, int, int]:
    """Available, held, consumed."""
    row = await db.row(
        "get_balance",
        p_org_id=workspace.org_id,
        p_workspace_id=None,
        p_of_workspace_id=workspace.workspace_id,
    )
    assert row is not None
    return row["available"], row["held"], row["consumed"]


async def delivery(db: Database, offer: Offered) -> Record:
    """The delivery as its tenant reads it."""
    row = await db.row(
        "get_delivery_v2",
        p_org_id=offer.org_id,
        p_workspace_id=None,
        p_delivery_id=offer.delivery_id,
    )
    assert row is not None
    return row


async def offer_status(db: Database, offer: Offered) -> str:
    """The offer's state."""
    row = await db.row(
        "get_offer", p_org_id=offer.org_id, p_workspace_id=None, p_offer_id=offer.offer_id
    )
    assert row is not None
    status: str = row["status"]
    return status


async def attempts(db: Database, offer: Offered) -> list[Record]:
    """Every attempt of the delivery."""
    return await db.rows(
        "list_attempts",
        p_org_id=offer.org_id,
        p_workspace_id=None,
        p_delivery_id=offer.delivery_id,
    )


async def broken_equations(db: Database) -> dict[str, list[str]]:
    """The equations of the books that do not hold, with what breaks them."""
    rows: list[Any] = await db.rows("verify_books")
    return {row["equation"]: row["violations"] for row in rows if row["violation_count"]}
