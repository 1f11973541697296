"""Routing decisions a second through the stored functions, in batches of several sizes.

One decision is what the router does with the database: claim the lead, then complete it with its
decision record, its dedupe hashes (phone and e-mail), its log row and its outbox row. Rules are not
evaluated: that is Python's part, and the lead path's figure holds it.
"""

import asyncio
import secrets
import time
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from bench.cost import family_seconds
from bench.database import databases
from bench.figures import Figure, Target, ratio
from bench.latencies import per_second
from bench.pgbench import pgbench
from bench.run import Run
from services.chassis.database import Database, Record
from services.chassis.ids import new_id
from services.chassis.trace import new_root

TARGETS: Final = {1: 1_500, 10: 8_000, 50: 15_000, 200: 20_000}
# Small batches wait for the disk, large ones for the processor.
CALLERS: Final = {1: 32, 10: 16, 50: 4, 200: 4}
# As many as a service has; callers wait for one of them as they do there.
CONNECTIONS: Final = 8
_WARM_UP: Final = 4 * CALLERS[1]
_BARE: Final = (
    "insert into routing.ticks values (gen_random_uuid(), now(), now(), repeat('a', 32));"
)
_LEASE_SECONDS: Final = 60.0
_DEDUPE_SECONDS: Final = 90 * 86_400.0
_FACTS: Final = {
    "type": "order",
    "source_kind": "api",
    "full_name": "Chris Example",
    "details": "Two rooms, near the river.",
    "answers": [["interests", ["garden", "balcony"]]],
    "consents": {"newsletter": True},
}
_RECORD: Final = {
    "candidates": [
        {"rule_id": str(uuid4()), "rule_version": 1, "workspace_id": str(uuid4()),
         "result": result}
        for result in ("not_matched", "matched")
    ],
    "inputs": {"type": "order", "source_kind": "api", "has_phone": True, "has_email": True},
}  # fmt: skip
_IDENTITIES: Final = ("phone", "email")
# Hex digits of a span's id and of a hash.
_SPAN: Final = 16
_HASH: Final = 64
_OFFER: Final = {"type": "order", "details": "Two rooms, near the river.", "answers": {}}


async def measure(run: Run) -> list[Figure]:
    """The rate of each batch size."""
    rates: dict[int, float] = {}
    cpu: dict[int, float] = {}
    async with databases(run, "routing") as opened:
        database = await opened.open("routing", connections=CONNECTIONS)
        org_id, workspace_id = await _workspace(database)
        # First calls open connections and plan statements.
        await _enqueue(database, org_id, _WARM_UP)
        await _route(database, workspace_id, _WARM_UP, 1)
        for batch, target in TARGETS.items():
            # Three seconds at the target: autovacuum, which comes every five, has its share in it.
            leads = int(target * run.pick(3, 0.1))
            run.report_progress(f"routing: {leads} leads in batches of {batch}")
            await _enqueue(database, org_id, leads)
            before = family_seconds(opened.server.pid)
            rates[batch] = await _route(database, workspace_id, leads, batch)
            cpu[batch] = (family_seconds(opened.server.pid) - before) / leads * 1e6
        run.report_progress("routing: the bare commit by pgbench")
        bare = await pgbench(
            opened.url, _BARE, run.folder, clients=CALLERS[1], seconds=run.pick(5, 1)
        )
    return [
        Figure(
            what=f"routing decisions, batches of {batch}, {CALLERS[batch]} callers",
            value=rate,
            unit="/s",
            target=Target(value=TARGETS[batch]),
            beside=f"{ratio(rate, bare, 'the bare commits')}; "
            f"{cpu[batch]:.0f} µs of PostgreSQL's CPU",
        )
        for batch, rate in rates.items()
    ] + [
        Figure(
            what=f"bare commits of one row by pgbench, {CALLERS[1]} connections",
            value=bare,
            unit="/s",
        )
    ]


async def _workspace(database: Database) -> tuple[UUID, UUID]:
    org_id, workspace_id = uuid4(), new_id()
    await database.value(
        "create_workspace",
        p_org_id=org_id,
        p_workspace_id=workspace_id,
        p_name="bench",
        p_offer_policy="direct",
        p_request_id=None,
        p_request_hash=None,
        p_traceparent=new_root().traceparent,
    )
    return org_id, workspace_id


async def _enqueue(database: Database, org_id: UUID, count: int) -> None:
    for start in range(0, count, 500):
        size = min(500, count - start)
        await database.value(
            "enqueue_leads",
            p_org_ids=[org_id] * size,
            p_lead_ids=[new_id() for _ in range(size)],
            p_source_ids=[org_id] * size,
            p_phones=[f"+4915{secrets.randbelow(10**9):09d}" for _ in range(size)],
            p_emails=[f"{secrets.token_hex(6)}@example.com" for _ in range(size)],
            p_facts=[_FACTS] * size,
            p_received_ats=[datetime.now(UTC)] * size,
            p_traceparents=[new_root().traceparent for _ in range(size)],
            p_tracestates=[""] * size,
        )


async def _route(database: Database, workspace_id: UUID, count: int, batch: int) -> float:
    """Routes so many leads; decisions a second."""
    routed = 0

    async def caller() -> None:
        nonlocal routed
        while routed < count:
            token = new_id()
            held = await _claim(database, token, batch)
            if not held:
                return
            outcomes = await _complete(database, token, workspace_id, held)
            if any(row["outcome"] != "routed" for row in outcomes):
                raise RuntimeError("a lead of the bench was not routed")
            routed += len(outcomes)

    started = time.monotonic()
    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS[batch]):
            callers.create_task(caller())
    if routed < count:
        raise RuntimeError(f"only {routed} of {count} leads were routed")
    return per_second(routed, time.monotonic() - started)


async def _claim(database: Database, token: UUID, limit: int) -> list[Record]:
    return await database.rows(
        "acquire_routing_locks",
        p_worker="bench",
        p_token=token,
        p_limit=limit,
        p_lease_seconds=_LEASE_SECONDS,
        p_due_from=None,
    )


async def _complete(
    database: Database, token: UUID, workspace_id: UUID, held: list[Record]
) -> list[Record]:
    size = len(held)
    # Random digits for all at once: what the generator spends, the database lacks.
    spans = secrets.token_hex(_SPAN * size // 2)
    hashes = secrets.token_hex(_HASH * size)
    doubled = [row for row in held for _ in _IDENTITIES]
    return await database.rows(
        "complete_routings",
        p_org_ids=[row["org_id"] for row in held],
        p_lead_ids=[row["lead_id"] for row in held],
        p_token=token,
        p_workspace_ids=[workspace_id] * size,
        p_rule_ids=[workspace_id] * size,
        p_rule_versions=[1] * size,
        p_records=[_RECORD] * size,
        p_offers=[{"lead_id": str(row["lead_id"]), **_OFFER} for row in held],
        # The first attempt at a lead is a child of its trace.
        p_attempt_traceparents=[
            f"{row['traceparent'][:36]}{spans[place * _SPAN : (place + 1) * _SPAN]}-00"
            for place, row in enumerate(held)
        ],
        p_hash_org_ids=[row["org_id"] for row in doubled],
        p_hash_lead_ids=[row["lead_id"] for row in doubled],
        # As the keyed hashes of its phone and its e-mail look.
        p_hashes=[
            f"v1:{_IDENTITIES[place % 2]}:{hashes[place * _HASH : (place + 1) * _HASH]}"
            for place in range(len(doubled))
        ],
        p_dedupe_seconds=_DEDUPE_SECONDS,
    )
