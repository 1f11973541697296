"""Attempts to route, in the database: leads claimed, completed, failed, given back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.database import Database, Record
from services.chassis.trace import TraceContext, parse
from services.routing.facts import inputs_of
from services.routing.leads import HeldLead
from services.routing.matching import Decision, Rule, candidates_json
from services.routing.store.leads import to_lead


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """An attempt that found a rule, with the lead's dedupe hashes and what its buyer gets."""

    held: HeldLead
    decision: Decision
    rule: Rule
    hashes: tuple[str, ...]
    offer: dict[str, Any]
    trace: TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An attempt that found none, or broke where what it found was to be written."""

    held: HeldLead
    decision: Decision
    trace: TraceContext
    broken_by: str | None = None
    """The type of the exception that it met."""

    @property
    def outcome(self) -> str:
        """As the log has it."""
        return "error" if self.broken_by else self.decision.outcome

    @property
    def error(self) -> str:
        """Why the lead stays, for `routing_error`."""
        return self.broken_by or self.decision.error


class AttemptStore:
    """Attempts of routing's schema; `token` fences them."""

    def __init__(self, database: Database, worker: str) -> None:
        self._database = database
        self._worker = worker

    async def acquire_routing_locks(
        self, *, token: UUID, limit: int, lease_seconds: float, due_from: datetime | None = None
    ) -> list[HeldLead]:
        """Claims leads that are due, oldest first, over all tenants, for `lease_seconds`."""
        rows = await self._database.rows(
            "acquire_routing_locks",
            p_worker=self._worker,
            p_token=token,
            p_limit=limit,
            p_lease_seconds=lease_seconds,
            p_due_from=due_from,
        )
        return [_to_held(row) for row in rows]

    async def complete_routings(
        self, token: UUID, completions: Sequence[Completion], *, dedupe_seconds: float
    ) -> dict[UUID, str]:
        """Each lead's outcome: "routed", "duplicate" or "lost"."""
        hashes = [(item, text) for item in completions for text in item.hashes]
        rows = await self._database.rows(
            "complete_routings",
            p_org_ids=[item.held.lead.org_id for item in completions],
            p_lead_ids=[item.held.lead.lead_id for item in completions],
            p_token=token,
            p_workspace_ids=[item.rule.workspace_id for item in completions],
            p_rule_ids=[item.rule.rule_id for item in completions],
            p_rule_versions=[item.rule.version for item in completions],
            p_records=[_record(item.held, item.decision) for item in completions],
            p_offers=[item.offer for item in completions],
            p_attempt_traceparents=[item.trace.traceparent for item in completions],
            p_hash_org_ids=[item.held.lead.org_id for item, _ in hashes],
            p_hash_lead_ids=[item.held.lead.lead_id for item, _ in hashes],
            p_hashes=[text for _, text in hashes],
            p_dedupe_seconds=dedupe_seconds,
        )
        return _outcomes(rows)

    async def fail_routings(self, token: UUID, failures: Sequence[Failure]) -> dict[UUID, str]:
        """Each lead's outcome: "retry", "failed" (for good) or "lost"."""
        rows = await self._database.rows(
            "fail_routings",
            p_org_ids=[item.held.lead.org_id for item in failures],
            p_lead_ids=[item.held.lead.lead_id for item in failures],
            p_token=token,
            p_outcomes=[item.outcome for item in failures],
            p_errors=[item.error for item in failures],
            p_records=[_record(item.held, item.decision) for item in failures],
            p_attempt_traceparents=[item.trace.traceparent for item in failures],
        )
        return _outcomes(rows)

    async def return_routing_locks(self, token: UUID, held: Sequence[HeldLead]) -> int:
        """Gives leads back with the attempt unspent; answers how many were still held."""
        returned: int = await self._database.value(
            "return_routing_locks",
            p_org_ids=[item.lead.org_id for item in held],
            p_lead_ids=[item.lead.lead_id for item in held],
            p_token=token,
        )
        return returned


def _record(held: HeldLead, decision: Decision) -> dict[str, Any]:
    """What the decision rests on; an object, because a list of lists would be one array of two
    dimensions."""
    return {"candidates": candidates_json(decision.candidates), "inputs": inputs_of(held.lead)}


def _outcomes(rows: Sequence[Record]) -> dict[UUID, str]:
    return {row["lead_id"]: row["outcome"] for row in rows}


def _to_held(row: Record) -> HeldLead:
    trace = parse(row["traceparent"], row["tracestate"])
    if trace is None:
        raise ValueError("a row's traceparent is checked by its column")
    return HeldLead(
        lead=to_lead(row),
        attempt=row["attempt"],
        interruptions=row["interruptions"],
        enqueued_at=row["enqueued_at"],
        was_due_at=row["was_due_at"],
        locked_at=row["locked_at"],
        trace=trace,
        previous=parse(row["previous_traceparent"]),
    )
