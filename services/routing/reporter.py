"""The reporter: writes what became of claimed leads, so that one bad lead fails by itself."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

from services.chassis.batching import run_in_halves
from services.chassis.database import is_outage
from services.chassis.loops import retry_outage
from services.chassis.sealing import KeyRing
from services.chassis.telemetry import log
from services.routing.dedupe import dedupe_hashes
from services.routing.matching import decision_record
from services.routing.offers import offer_payload
from services.routing.records import ClaimedLead, Completion, DecidedLead, Failure
from services.routing.store.claims import ClaimStore

# Longer than a failover's first refusals, shorter than the lease to which leads are left then.
OUTAGE_SECONDS_MAX: Final = 5.0

Report = TypeVar("Report", Completion, Failure)
Write = Callable[[Sequence[Report]], Awaitable[dict[UUID, str]]]


class Reporter:
    """Reports decisions on claimed leads; each method answers the leads' outcomes by lead id."""

    def __init__(self, claims: ClaimStore, secret_ring: KeyRing, *, dedupe_seconds: float) -> None:
        self._claims = claims
        self._secret_ring = secret_ring
        self._dedupe_seconds = dedupe_seconds

    async def report(self, decided: Sequence[DecidedLead], *, token: UUID) -> dict[UUID, str]:
        """Completes the leads that a rule matched, and fails the others."""
        completions = [
            completion for item in decided if (completion := self._completion(item)) is not None
        ]
        failures = [_failure(item) for item in decided if item.decision.matched is None]
        outcomes, broken = await _write_in_halves(
            completions,
            partial(
                self._claims.complete_routings, token=token, dedupe_seconds=self._dedupe_seconds
            ),
        )
        # What cannot be completed is tried again like a lead that no rule matched.
        failures += [_broken(completion.decided, error) for completion, error in broken]
        return outcomes | await self._fail(failures, token=token)

    async def return_claims(self, claims: Sequence[ClaimedLead], *, token: UUID) -> dict[UUID, str]:
        """Returns leads, due at once, with the attempt unspent."""
        if claims:
            await self._claims.return_routing_locks(claims, token=token)
        return {claimed.lead.lead_id: "returned" for claimed in claims}

    async def _fail(self, failures: Sequence[Failure], *, token: UUID) -> dict[UUID, str]:
        outcomes, broken = await _write_in_halves(
            failures, partial(self._claims.fail_routings, token=token)
        )
        # Nothing can be written about these: they keep their lease until it ends, and come again.
        return outcomes | {failure.decided.lead_id: "left" for failure, _ in broken}

    def _completion(self, decided: DecidedLead) -> Completion | None:
        if decided.decision.matched is None:
            return None
        lead = decided.claimed.lead
        return Completion(
            decided=decided,
            rule=decided.decision.matched,
            hashes=dedupe_hashes(self._secret_ring, lead),
            offer=offer_payload(lead),
            record=decision_record(lead, decided.decision),
        )


def _failure(decided: DecidedLead) -> Failure:
    return Failure(
        decided=decided,
        outcome=decided.decision.outcome,
        error=decided.decision.error,
        record=decision_record(decided.claimed.lead, decided.decision),
    )


def _broken(decided: DecidedLead, error: Exception) -> Failure:
    return Failure(
        decided=decided,
        outcome="error",
        error=type(error).__name__,
        record=decision_record(decided.claimed.lead, decided.decision),
    )


async def _write_in_halves(
    reports: Sequence[Report], write: Write[Report]
) -> tuple[dict[UUID, str], list[tuple[Report, Exception]]]:
    """Writes reports in one transaction, or in halves where it breaks: outcomes, broken reports.

    An outage says nothing about a report: it is written again, and an outage that goes on for
    longer than OUTAGE_SECONDS_MAX rises.
    """
    outcomes: dict[UUID, str] = {}
    broken: list[tuple[Report, Exception]] = []

    async def write_part(part: Sequence[Report]) -> None:
        outcomes.update(await retry_outage(partial(write, part), seconds_max=OUTAGE_SECONDS_MAX))

    def note(report: Report, error: Exception) -> None:
        lead_id = str(report.decided.lead_id)
        log.error("lead cannot be reported", lead_id=lead_id, exc_info=error)
        broken.append((report, error))

    await run_in_halves(reports, write_part, failed=note, is_outage=is_outage)
    return outcomes, broken
