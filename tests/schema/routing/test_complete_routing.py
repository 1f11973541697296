"""A lead is routed once, by the worker that holds it, unless another lead has the same person."""

import asyncio
from uuid import uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import child_of, new_root
from tests.schema.routing.builders import (
    DEDUPE_SECONDS,
    LEASE_SECONDS,
    NOW,
    Admin,
    a_hash,
    a_lead,
    a_routed_lead,
    a_workspace,
    acquire,
    complete,
    counts,
    fail,
    later,
    leads,
    status_of,
)


async def test_a_routed_lead_has_a_workspace_a_decision_an_offer_and_its_hashes(
    routing_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    workspace_id = await a_workspace(routing_db, org_id, offer_policy="manual")
    phone, email = a_hash(), a_hash()
    lead_id = await a_routed_lead(routing_db, org_id, workspace_id, [phone, email])
    lead = await admin.fetchrow("select * from routing.leads")
    assert lead is not None
    assert (lead["routing_status"], lead["workspace_id"]) == ("routed", workspace_id)
    assert (lead["dedupe_hash"], lead["dedupe_hash_count"]) == (phone, 2)
    assert (lead["due_at"], lead["routing_lock_token"]) == (None, None)
    log = await admin.fetchrow("select * from routing.lead_routing_logs")
    assert log is not None
    assert (log["attempt"], log["outcome"], log["workspace_id"]) == (1, "routed", workspace_id)
    assert (log["worker"], log["started_at"], log["decided_at"]) == ("tester", NOW, NOW)
    assert log["trace_id"] == lead["trace_id"]
    item = await admin.fetchrow("select *, payload::text as text from routing.outbox")
    assert item is not None
    assert (item["topic"], item["subject_id"]) == ("delivery.offer_leads", lead_id)
    assert item["trace_id"] == lead["trace_id"]
    for part in (str(workspace_id), '"offer_policy": "manual"', str(lead_id)):
        assert part in item["text"]
    held = await admin.fetch("select hash, lead_id from routing.lead_dedupe_hashes")
    assert {(row["hash"], row["lead_id"]) for row in held} == {(phone, lead_id), (email, lead_id)}


async def test_what_travels_on_stays_in_the_leads_trace(routing_db: Database, admin: Admin) -> None:
    org_id, token = uuid4(), new_id()
    workspace_id = await a_workspace(routing_db, org_id)
    first, second = new_root(), new_root()
    child = child_of(first).traceparent
    prompt = await a_lead(routing_db, org_id, traceparent=first.traceparent)
    retried = await a_lead(routing_db, org_id, traceparent=second.traceparent)
    await acquire(routing_db, token=token)
    for lead_id, attempt in ((prompt, child), (retried, new_root().traceparent)):
        await complete(
            routing_db, token, org_id, lead_id, workspace_id, [], attempt_traceparent=attempt
        )
    rows = await admin.fetch("select subject_id, traceparent from routing.outbox")
    sent = {row["subject_id"]: row["traceparent"] for row in rows}
    assert sent == {prompt: child, retried: second.traceparent}


async def test_a_lead_of_a_person_that_another_lead_holds_is_a_duplicate(
    routing_db: Database, admin: Admin
) -> None:
    org_id, token = uuid4(), new_id()
    ours, theirs = await a_workspace(routing_db, org_id), await a_workspace(routing_db, org_id)
    phone, email = a_hash(), a_hash()
    first = await a_routed_lead(routing_db, org_id, ours, [phone])
    second = await a_lead(routing_db, org_id)
    await acquire(routing_db, token=token)
    assert await complete(routing_db, token, org_id, second, theirs, [phone, email]) == (
        "duplicate",
        first,
    )
    row = await admin.fetchrow("select * from routing.leads where lead_id = $1", second)
    assert row is not None
    assert (row["routing_status"], row["routing_error"]) == ("failed", "CROSS_PARTNER_DUPLICATE")
    assert (row["due_at"], row["workspace_id"], row["dedupe_hash_count"]) == (None, None, 1)
    log = await admin.fetchrow("select * from routing.lead_routing_logs where lead_id = $1", second)
    assert log is not None
    assert (log["outcome"], log["holder_lead_id"]) == ("duplicate", first)
    # The free hash is the same person's and stays.
    assert await counts(admin) == {
        "outbox": 1,
        "lead_routing_logs": 2,
        "lead_routing_queue": 0,
        "lead_dedupe_hashes": 2,
    }


async def test_orgs_do_not_share_persons(routing_db: Database) -> None:
    phone = a_hash()
    for _ in range(2):
        org_id = uuid4()
        await a_routed_lead(routing_db, org_id, await a_workspace(routing_db, org_id), [phone])


async def test_a_person_is_free_again_when_the_window_is_over(routing_db: Database) -> None:
    org_id = uuid4()
    workspace_id = await a_workspace(routing_db, org_id)
    phone = a_hash()
    await a_routed_lead(routing_db, org_id, workspace_id, [phone])
    for seconds, outcome in ((DEDUPE_SECONDS - 1, "duplicate"), (DEDUPE_SECONDS, "routed")):
        token, now = new_id(), later(seconds=seconds)
        lead_id = await a_lead(routing_db, org_id, now=now)
        await acquire(routing_db, token=token, now=now)
        answer = await complete(routing_db, token, org_id, lead_id, workspace_id, [phone], now=now)
        assert answer[0] == outcome


async def test_a_lead_without_identities_is_nobodys_duplicate(routing_db: Database) -> None:
    org_id = uuid4()
    workspace_id = await a_workspace(routing_db, org_id)
    for _ in range(2):
        await a_routed_lead(routing_db, org_id, workspace_id, [])


async def test_a_worker_that_stalled_past_its_lease_changes_nothing(
    routing_db: Database, admin: Admin
) -> None:
    org_id, stalled, other = uuid4(), new_id(), new_id()
    workspace_id = await a_workspace(routing_db, org_id)
    lead_id = await a_lead(routing_db, org_id)
    await acquire(routing_db, token=stalled)
    nothing = await counts(admin)
    over = later(seconds=LEASE_SECONDS)
    lost = ("lost", None)
    arguments = (org_id, lead_id, workspace_id, [a_hash()])
    assert await complete(routing_db, stalled, *arguments, now=over) == lost
    assert await fail(routing_db, stalled, org_id, lead_id, now=over) == lost
    assert await counts(admin) == nothing
    # Nor when another worker holds the lead, nor when that one is done.
    await acquire(routing_db, token=other, now=over)
    assert await complete(routing_db, stalled, *arguments, now=over) == lost
    assert await counts(admin) == nothing
    assert (await complete(routing_db, other, *arguments, now=over))[0] == "routed"
    done = await counts(admin)
    assert await complete(routing_db, stalled, *arguments, now=over) == lost
    assert await complete(routing_db, other, *arguments, now=over) == lost
    assert await fail(routing_db, stalled, org_id, lead_id, now=over) == lost
    assert await counts(admin) == done


async def test_a_workspace_that_is_not_the_orgs_is_refused_and_nothing_is_changed(
    routing_db: Database, admin: Admin
) -> None:
    org_id, token = uuid4(), new_id()
    lead_id = await a_lead(routing_db, org_id)
    await acquire(routing_db, token=token)
    nothing = await counts(admin)
    for workspace_id in (uuid4(), await a_workspace(routing_db, uuid4())):
        with pytest.raises(DomainError) as refusal:
            await complete(routing_db, token, org_id, lead_id, workspace_id, [a_hash()])
        assert refusal.value.reason == "WORKSPACE_NOT_FOUND"
    assert await counts(admin) == nothing
    assert await status_of(admin, lead_id) == "routing"


async def test_of_equal_leads_at_the_same_moment_exactly_one_is_routed(
    routing_db: Database, admin: Admin
) -> None:
    org_id, token, phone = uuid4(), new_id(), a_hash()
    workspace_id = await a_workspace(routing_db, org_id)
    lead_ids = await leads(routing_db, org_id, 1000)
    await acquire(routing_db, token=token)
    answers = await asyncio.gather(
        *(complete(routing_db, token, org_id, each, workspace_id, [phone]) for each in lead_ids)
    )
    outcomes = [outcome for outcome, _ in answers]
    assert (outcomes.count("routed"), outcomes.count("duplicate")) == (1, 999)
    (routed,) = [each for each in lead_ids if await status_of(admin, each) == "routed"]
    assert {holder for _, holder in answers} == {None, routed}
    assert await counts(admin) == {
        "outbox": 1,
        "lead_routing_logs": 1000,
        "lead_routing_queue": 0,
        "lead_dedupe_hashes": 1,
    }
