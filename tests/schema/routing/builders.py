"""Leads, workspaces and attempts in routing's schema, as its own role makes them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg

from services.chassis.database import Database, Record
from services.chassis.ids import new_id
from services.chassis.trace import new_root

Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEASE_SECONDS = 30.0
DEDUPE_SECONDS = 90 * 86_400.0
RECORD = {
    "candidates": [{"rule_id": str(new_id()), "rule_version": 1, "result": "matched"}],
    "inputs": {"type": "order"},
}
FACTS = {
    "type": "order",
    "source_kind": "api",
    "full_name": "",
    "details": "",
    "answers": [],
    "consents": {},
}


def a_hash(text: str = "") -> str:
    """A dedupe hash; the same for the same text."""
    return f"v1:phone:{text.encode().hex():0>64}" if text else f"v1:phone:{uuid4().hex * 2}"


async def a_workspace(
    database: Database, org_id: UUID, *, offer_policy: str = "direct", now: datetime = NOW
) -> UUID:
    """A new workspace of the org."""
    made = await database.value(
        "create_workspace",
        p_org_id=org_id,
        p_workspace_id=new_id(),
        p_name="Acme",
        p_offer_policy=offer_policy,
        p_request_id=None,
        p_request_hash=None,
        p_traceparent=new_root().traceparent,
        p_now=now,
    )
    return UUID(made["workspace_id"])


async def a_rule(
    database: Database, org_id: UUID, workspace_id: UUID, **changes: Any
) -> dict[str, Any]:
    """A new rule of the org."""
    arguments = {
        "p_org_id": org_id,
        "p_rule_id": new_id(),
        "p_workspace_id": workspace_id,
        "p_name": "everything",
        "p_priority": 10,
        "p_condition": "true",
        "p_request_id": None,
        "p_request_hash": None,
        "p_traceparent": new_root().traceparent,
        "p_now": NOW,
    }
    made: dict[str, Any] = await database.value("create_rule", **{**arguments, **changes})
    return made


async def update_rule(
    database: Database, org_id: UUID, rule_id: str, etag: str, **changes: Any
) -> dict[str, Any]:
    """Publishes a new version; what is not in `changes` stays as it is."""
    arguments: dict[str, Any] = dict.fromkeys(
        ("p_workspace_id", "p_name", "p_priority", "p_condition", "p_enabled")
    )
    updated: dict[str, Any] = await database.value(
        "update_rule",
        p_org_id=org_id,
        p_rule_id=UUID(rule_id),
        p_etag=etag,
        **{**arguments, **changes},
        p_traceparent=new_root().traceparent,
        p_now=NOW,
    )
    return updated


async def leads(
    database: Database,
    org_id: UUID,
    count: int,
    *,
    now: datetime = NOW,
    received_at: datetime | None = None,
    phone: str = "+4915112345678",
    traceparent: str | None = None,
) -> list[UUID]:
    """Leads that were taken over together."""
    lead_ids = [new_id() for _ in range(count)]
    await database.value(
        "enqueue_leads",
        p_org_ids=[org_id] * count,
        p_lead_ids=lead_ids,
        p_source_ids=[uuid4()] * count,
        p_phones=[phone] * count,
        p_emails=["ada@example.com"] * count,
        p_facts=[FACTS] * count,
        p_received_ats=[received_at or now] * count,
        p_traceparents=[traceparent or new_root().traceparent for _ in range(count)],
        p_tracestates=[""] * count,
        p_now=now,
    )
    return lead_ids


async def a_lead(database: Database, org_id: UUID, **changes: Any) -> UUID:
    """A lead that was taken over."""
    (lead_id,) = await leads(database, org_id, 1, **changes)
    return lead_id


async def acquire(
    database: Database,
    *,
    token: UUID | None = None,
    limit: int = 1000,
    now: datetime = NOW,
    due_from: datetime | None = None,
) -> list[Record]:
    """What a claim over all tenants gets."""
    return await database.rows(
        "acquire_routing_locks",
        p_worker="tester",
        p_token=token or new_id(),
        p_limit=limit,
        p_lease_seconds=LEASE_SECONDS,
        p_due_from=due_from,
        p_now=now,
    )


async def complete(
    database: Database,
    token: UUID,
    org_id: UUID,
    lead_id: UUID,
    workspace_id: UUID,
    hashes: Sequence[str],
    *,
    now: datetime = NOW,
    attempt_traceparent: str | None = None,
) -> tuple[str, UUID | None]:
    """Completes one attempt; answers outcome and holder."""
    row = await database.row(
        "complete_routing",
        p_org_id=org_id,
        p_lead_id=lead_id,
        p_token=token,
        p_workspace_id=workspace_id,
        p_rule_id=new_id(),
        p_rule_version=1,
        p_record=RECORD,
        p_offer={"lead_id": str(lead_id)},
        p_attempt_traceparent=attempt_traceparent or new_root().traceparent,
        p_hashes=list(hashes),
        p_dedupe_seconds=DEDUPE_SECONDS,
        p_now=now,
    )
    assert row is not None
    assert row["lead_id"] == lead_id
    return row["outcome"], row["holder_lead_id"]


async def complete_all(
    database: Database,
    token: UUID,
    org_id: UUID,
    workspace_id: UUID,
    hashes: Sequence[tuple[UUID, Sequence[str]]],
    *,
    now: datetime = NOW,
) -> dict[UUID, str]:
    """Completes leads with their hashes in one batch; answers each outcome."""
    lead_ids = [lead_id for lead_id, _ in hashes]
    pairs = [(lead_id, text) for lead_id, texts in hashes for text in texts]
    rows = await database.rows(
        "complete_routings",
        p_org_ids=[org_id] * len(lead_ids),
        p_lead_ids=lead_ids,
        p_token=token,
        p_workspace_ids=[workspace_id] * len(lead_ids),
        p_rule_ids=[new_id()] * len(lead_ids),
        p_rule_versions=[1] * len(lead_ids),
        p_records=[RECORD] * len(lead_ids),
        p_offers=[{"lead_id": str(lead_id)} for lead_id in lead_ids],
        p_attempt_traceparents=[new_root().traceparent for _ in lead_ids],
        p_hash_org_ids=[org_id] * len(pairs),
        p_hash_lead_ids=[lead_id for lead_id, _ in pairs],
        p_hashes=[text for _, text in pairs],
        p_dedupe_seconds=DEDUPE_SECONDS,
        p_now=now,
    )
    return {row["lead_id"]: row["outcome"] for row in rows}


async def fail(
    database: Database,
    token: UUID,
    org_id: UUID,
    lead_id: UUID,
    *,
    now: datetime = NOW,
    attempt_traceparent: str | None = None,
) -> tuple[str, datetime | None]:
    """Fails one attempt for want of a match; answers outcome and next retry."""
    row = await database.row(
        "fail_routing",
        p_org_id=org_id,
        p_lead_id=lead_id,
        p_token=token,
        p_outcome="no_match",
        p_error="NO_MATCH",
        p_record=RECORD,
        p_attempt_traceparent=attempt_traceparent or new_root().traceparent,
        p_now=now,
    )
    assert row is not None
    return row["outcome"], row["next_retry_at"]


async def a_routed_lead(
    database: Database, org_id: UUID, workspace_id: UUID, hashes: Sequence[str], **changes: Any
) -> UUID:
    """A lead that went all the way, now."""
    lead_id = await a_lead(database, org_id, **changes)
    token, now = new_id(), changes.get("now", NOW)
    await acquire(database, token=token, now=now)
    assert await complete(database, token, org_id, lead_id, workspace_id, hashes, now=now) == (
        "routed",
        None,
    )
    return lead_id


async def leads_in_every_state(database: Database, org_id: UUID) -> UUID:
    """Leads in every state; returns the routed one."""
    workspace_id = await a_workspace(database, org_id)
    phone, token = a_hash(), new_id()
    routed = await a_routed_lead(database, org_id, workspace_id, [phone, a_hash()])
    duplicate, failed = await a_lead(database, org_id), await a_lead(database, org_id)
    await acquire(database, token=token)
    assert (await complete(database, token, org_id, duplicate, workspace_id, [phone]))[1] == routed
    await fail(database, token, org_id, failed)
    await a_lead(database, org_id)
    await acquire(database)
    await a_lead(database, org_id)
    return routed


async def status_of(admin: Admin, lead_id: UUID) -> str:
    """The lead's routing_status as it stands."""
    status: str = await admin.fetchval(
        "select routing_status from routing.leads where lead_id = $1", lead_id
    )
    return status


async def enabled_rules(admin: Admin) -> int:
    """How many enabled rules there are."""
    count: int = await admin.fetchval("select count(*) from routing.rules where enabled")
    return count


async def counts(admin: Admin) -> dict[str, int]:
    """Rows of each table that routing a lead writes."""
    tables = ("outbox", "lead_routing_logs", "lead_routing_queue", "lead_dedupe_hashes")
    return {
        table: await admin.fetchval(f"select count(*) from routing.{table}") for table in tables
    }


def later(**units: float) -> datetime:
    """NOW and some."""
    return NOW + timedelta(**units)
