"""Claiming deliveries and reporting them back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from services.chassis.database import Database, Record
from services.chassis.trace import parse, trace_of_row
from services.delivery.records import AttemptTarget, Claim, Report, SealedSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimTerms:
    """What all claims of a worker have in common.

    At most `deliveries_max` are under way at once, `workspace_deliveries_max` to one workspace.
    """

    worker: str
    lease_seconds: float
    hold_seconds: float
    attempts_max: int
    deliveries_max: int
    workspace_deliveries_max: int

    @property
    def spare_deliveries(self) -> int:
        """The part of `deliveries_max` that is kept for workspaces below their share."""
        return self.deliveries_max // 4


class ClaimStore:
    """Functions that the dispatcher calls; all but the claim are fenced by the claim's token."""

    def __init__(self, database: Database, terms: ClaimTerms) -> None:
        self._database = database
        self.terms = terms

    async def claim_deliveries(
        self,
        *,
        token: UUID,
        limit: int,
        busy: Mapping[UUID, int],
        due_from: datetime | None = None,
    ) -> list[Claim]:
        """Claims due deliveries, each with a credit held; `busy` counts those under way."""
        rows = await self._database.rows(
            "claim_deliveries",
            p_worker=self.terms.worker,
            p_token=token,
            p_limit=limit,
            p_workspace_limit=self.terms.workspace_deliveries_max,
            p_in_flight_limit=self.terms.deliveries_max,
            p_spare_count=self.terms.spare_deliveries,
            p_busy_workspace_ids=list(busy.keys()),
            p_busy_counts=list(busy.values()),
            p_lease_seconds=self.terms.lease_seconds,
            p_hold_seconds=self.terms.hold_seconds,
            p_attempts_max=self.terms.attempts_max,
            p_due_from=due_from,
        )
        return to_claims(token, rows)

    async def finish_deliveries(self, reports: Sequence[Report]) -> dict[UUID, str]:
        """Reports deliveries back in one transaction; returns an outcome for each delivery."""
        attempts = [
            (report, result, seconds)
            for report in reports
            for result, seconds in zip(report.results, report.throttle_seconds, strict=True)
        ]
        rows = await self._database.rows(
            "finish_deliveries",
            p_org_ids=[report.claim.org_id for report in reports],
            p_delivery_ids=[report.claim.delivery_id for report in reports],
            p_tokens=[report.claim.token for report in reports],
            p_actions=[report.next_step.action for report in reports],
            p_reasons=[report.next_step.reason for report in reports],
            p_retry_after_seconds=[report.next_step.retry_after_seconds for report in reports],
            p_hold_actions=[report.next_step.hold_action for report in reports],
            p_hold_seconds=self.terms.hold_seconds,
            p_traceparents=[report.claim.trace.traceparent for report in reports],
            p_attempt_org_ids=[report.claim.org_id for report, _, _ in attempts],
            p_attempt_delivery_ids=[report.claim.delivery_id for report, _, _ in attempts],
            p_attempt_ids=[result.attempt_id for _, result, _ in attempts],
            p_attempt_outcomes=[result.outcome for _, result, _ in attempts],
            p_attempt_status_codes=[result.status_code for _, result, _ in attempts],
            p_attempt_errors=[result.error for _, result, _ in attempts],
            p_attempt_answer_excerpts=[result.answer_excerpt for _, result, _ in attempts],
            p_attempt_throttle_seconds=[seconds for _, _, seconds in attempts],
        )
        return {row["delivery_id"]: row["outcome"] for row in rows}

    async def return_deliveries(self, claims: Sequence[Claim]) -> int:
        """Puts claimed deliveries that were not sent back into the queue, the attempt unspent."""
        returned: int = await self._database.value(
            "return_deliveries",
            p_org_ids=[claim.org_id for claim in claims],
            p_delivery_ids=[claim.delivery_id for claim in claims],
            p_tokens=[claim.token for claim in claims],
        )
        return returned

    async def extend_delivery_lease(self, claim: Claim) -> bool:
        """Lengthens the lease and the hold; False when the lease was lost."""
        extended: bool = await self._database.value(
            "extend_delivery_lease",
            p_org_id=claim.org_id,
            p_delivery_id=claim.delivery_id,
            p_token=claim.token,
            p_lease_seconds=self.terms.lease_seconds,
            p_hold_seconds=self.terms.hold_seconds,
        )
        return extended


def to_claims(token: UUID, rows: Iterable[Record]) -> list[Claim]:
    """The claims in rows of `claim_deliveries`, which are one for each endpoint."""
    grouped = groupby(rows, key=lambda row: (row["due_at"], row["delivery_id"]))
    return [_to_claim(token, list(group)) for _, group in grouped]


def _to_claim(token: UUID, rows: list[Record]) -> Claim:
    row = rows[0]
    return Claim(
        org_id=row["org_id"],
        delivery_id=row["delivery_id"],
        lead_id=row["lead_id"],
        workspace_id=row["workspace_id"],
        token=token,
        attempt_count=row["attempt_count"],
        due_at=row["due_at"],
        accepted_count=row["accepted_count"],
        failed_count=row["failed_count"],
        throttled_count=row["throttled_count"],
        missed_count=row["missed_count"],
        payload=row["payload"],
        trace=trace_of_row(row),
        targets=tuple(_to_target(row) for row in rows if row["attempt_id"] is not None),
    )


def _to_target(row: Record) -> AttemptTarget:
    sealed = zip(row["secret_ids"] or (), row["secrets"] or (), strict=True)
    return AttemptTarget(
        attempt_id=row["attempt_id"],
        endpoint_id=row["endpoint_id"],
        url=row["url"],
        secrets=tuple(SealedSecret(secret_id=key, ciphertext=text) for key, text in sealed),
        trace=trace_of_row(row, "attempt_"),
        previous=parse(row["previous_traceparent"]),
    )
