"""What is sent, and what became of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.chassis.trace import TraceContext
from services.delivery.outcomes import Outcome

VerdictKind = Literal["DELIVERED", "PARTIAL", "FAILED", "DEAD_LETTER", "retry", "defer"]
HoldFate = Literal["release", "keep", "extend"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSecret:
    """A signing secret as its row holds it."""

    secret_id: UUID
    ciphertext: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An endpoint that a claimed delivery goes to, and the attempt that was begun for it."""

    attempt_id: UUID
    endpoint_id: UUID
    url: str
    secrets: tuple[SealedSecret, ...]
    trace: TraceContext
    previous: TraceContext | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claimed delivery, with a credit held; `attempt_count` counts this try.

    Of its endpoints so many took the lead or failed for good before; `throttled_count` get their
    try later; `missed_count` were disabled before they answered.
    """

    org_id: UUID
    delivery_id: UUID
    lead_id: UUID
    workspace_id: UUID
    token: UUID
    attempt_count: int
    due_at: datetime
    accepted_count: int
    failed_count: int
    throttled_count: int
    missed_count: int
    payload: str = field(repr=False)
    trace: TraceContext
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one attempt; `asked_seconds` is the peer's Retry-After."""

    attempt_id: UUID
    outcome: Outcome
    status_code: int | None = None
    error: str | None = None
    answer_excerpt: str | None = None
    asked_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What follows for the delivery; a retry says in how many seconds."""

    kind: VerdictKind
    hold_fate: HoldFate = "release"
    reason: str | None = None
    retry_after_seconds: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A claimed delivery with its verdict and what became of each attempt."""

    claim: Claim
    verdict: Verdict
    results: tuple[Result, ...]
    throttle_seconds: tuple[float, ...]
