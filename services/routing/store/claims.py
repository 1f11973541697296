"""Claims on leads, in the database: acquired, completed, failed, returned."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.chassis.database import Database, Record
from services.chassis.trace import parse, trace_of_row
from services.routing.records import ClaimedLead, Completion, Failure, Lead, LeadAnswer


class ClaimStore:
    """Claims of routing's schema; `token` fences what is done with them."""

    def __init__(self, database: Database, worker: str) -> None:
        self._database = database
        self._worker = worker

    async def acquire_routing_locks(
        self, *, token: UUID, limit: int, lease_seconds: float, due_from: datetime | None = None
    ) -> list[ClaimedLead]:
        """Claims leads that are due, oldest first, over all tenants, for `lease_seconds`."""
        rows = await self._database.rows(
            "acquire_routing_locks",
            p_worker=self._worker,
            p_token=token,
            p_limit=limit,
            p_lease_seconds=lease_seconds,
            p_due_from=due_from,
        )
        return [_to_claimed(row) for row in rows]

    async def complete_routings(
        self, completions: Sequence[Completion], *, token: UUID, dedupe_seconds: float
    ) -> dict[UUID, str]:
        """Each lead's outcome: "routed", "duplicate" or "lost"."""
        claims = [item.decided.claimed for item in completions]
        hashes = [(item.decided.claimed.lead, text) for item in completions for text in item.hashes]
        rows = await self._database.rows(
            "complete_routings",
            p_org_ids=[claimed.lead.org_id for claimed in claims],
            p_lead_ids=[claimed.lead.lead_id for claimed in claims],
            p_token=token,
            p_workspace_ids=[item.rule.workspace_id for item in completions],
            p_rule_ids=[item.rule.rule_id for item in completions],
            p_rule_versions=[item.rule.version for item in completions],
            # An object, because a list of lists would be one array of two dimensions.
            p_records=[item.record for item in completions],
            p_offers=[item.offer for item in completions],
            p_attempt_traceparents=[item.decided.trace.traceparent for item in completions],
            p_hash_org_ids=[lead.org_id for lead, _ in hashes],
            p_hash_lead_ids=[lead.lead_id for lead, _ in hashes],
            p_hashes=[text for _, text in hashes],
            p_dedupe_seconds=dedupe_seconds,
        )
        return _outcomes(rows)

    async def fail_routings(self, failures: Sequence[Failure], *, token: UUID) -> dict[UUID, str]:
        """Each lead's outcome: "retry", "failed" (for good) or "lost"."""
        claims = [item.decided.claimed for item in failures]
        rows = await self._database.rows(
            "fail_routings",
            p_org_ids=[claimed.lead.org_id for claimed in claims],
            p_lead_ids=[claimed.lead.lead_id for claimed in claims],
            p_token=token,
            p_outcomes=[item.outcome for item in failures],
            p_errors=[item.error for item in failures],
            p_records=[item.record for item in failures],
            p_attempt_traceparents=[item.decided.trace.traceparent for item in failures],
        )
        return _outcomes(rows)

    async def return_routing_locks(self, claims: Sequence[ClaimedLead], *, token: UUID) -> int:
        """Returns leads with the attempt unspent; returns how many were still held."""
        returned: int = await self._database.value(
            "return_routing_locks",
            p_org_ids=[claimed.lead.org_id for claimed in claims],
            p_lead_ids=[claimed.lead.lead_id for claimed in claims],
            p_token=token,
        )
        return returned


def _outcomes(rows: Sequence[Record]) -> dict[UUID, str]:
    return {row["lead_id"]: row["outcome"] for row in rows}


def _to_claimed(row: Record) -> ClaimedLead:
    return ClaimedLead(
        lead=_to_lead(row),
        attempt=row["attempt"],
        interruptions=row["interruptions"],
        enqueued_at=row["enqueued_at"],
        was_due_at=row["was_due_at"],
        locked_at=row["locked_at"],
        trace=trace_of_row(row),
        previous=parse(row["previous_traceparent"]),
    )


def _to_lead(row: Record) -> Lead:
    facts = row["facts"]
    return Lead(
        org_id=row["org_id"],
        lead_id=row["lead_id"],
        source_id=row["source_id"],
        source_kind=facts["source_kind"],
        type=facts["type"],
        phone=row["phone"],
        email=row["email"],
        full_name=facts["full_name"],
        details=facts["details"],
        answers=tuple(
            LeadAnswer(name=name, values=tuple(values)) for name, values in facts["answers"]
        ),
        consents=facts["consents"],
        received_at=row["received_at"],
    )
