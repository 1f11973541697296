"""What travels between the edge, the rules and the store."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from services.chassis.trace import TraceContext

OFFER_POLICIES: Final = frozenset({"direct", "manual"})
# The trigger validate_lead_offer_status_transition says which steps lead from one to another.
OFFER_STATUSES: Final = frozenset(
    {
        "PENDING_MAPPING",
        "TO_BE_CONTACTED",
        "CONTACTED",
        "ENGAGED",
        "QUALIFYING",
        "SCORED",
        "LEAD_READY",
        "SENT_TO_DEVELOPER",
        "COOLING",
        "REACTIVATION",
        "DISQUALIFIED",
        "STOPPED",
        "HUMAN_HANDOFF",
    }
)
DELIVERY_STATUSES: Final = frozenset(
    {"PENDING", "IN_PROGRESS", "DELIVERED", "PARTIAL", "FAILED", "DEAD_LETTER"}
)

# What an endpoint's answer to one attempt means: response_classification.py.
AttemptOutcome = Literal[
    "accepted", "retry", "throttled", "rejected", "returned", "redirected", "gone", "unknown"
]
# What is done with a delivery after its attempts, and with its credit: next_step.py.
DeliveryAction = Literal["complete", "complete_partial", "fail", "dead_letter", "retry", "defer"]
HoldAction = Literal["release", "keep", "extend"]
CompletionOutcome = Literal[
    "completed", "duplicate", "insufficient_credits", "lease_lost", "state_refused", "not_found"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOffer:
    """An offer from routing, with the ids it gets here; `payload` is a JSON object as text."""

    org_id: UUID
    lead_id: UUID
    workspace_id: UUID
    offer_id: UUID
    delivery_id: UUID
    offer_policy: str
    payload: str = field(repr=False)
    trace: TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedOffer:
    """An offer that was accepted from routing, now (`created`) or before."""

    lead_id: UUID
    workspace_id: UUID
    offer_id: UUID
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A lead as offered to a workspace."""

    offer_id: UUID
    lead_id: UUID
    workspace_id: UUID
    status: str
    delivery_id: UUID | None
    created_at: datetime
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferEvent:
    """One step of an offer; the first has no state before it."""

    from_status: str | None
    to_status: str
    actor: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a workspace receives its leads."""

    endpoint_id: UUID
    workspace_id: UUID
    url: str
    status: str
    disabled_reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSecret:
    """A signing secret as its row holds it."""

    secret_id: UUID
    ciphertext: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Credits to grant."""

    workspace_id: UUID
    credits: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A workspace's credits: available + held + consumed = granted."""

    workspace_id: UUID
    available: int
    held: int
    consumed: int
    granted: int
    waiting_delivery_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One side of a ledger transaction; `version` counts the workspace's transactions."""

    entry_id: UUID
    transaction_id: UUID
    type: str
    account: str
    amount: int
    balance_after: int
    delivery_id: UUID | None
    version: int
    created_at: datetime
    trace_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Sending one offer to a workspace's endpoints."""

    delivery_id: UUID
    offer_id: UUID
    lead_id: UUID
    workspace_id: UUID
    status: str
    waiting_for: str | None
    attempt_count: int
    next_attempt_at: datetime | None
    created_at: datetime
    completed_at: datetime | None
    trace_id: str
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at one endpoint; without outcome while it is under way."""

    attempt_id: UUID
    endpoint_id: UUID
    number: int
    outcome: str | None
    status_code: int | None
    error: str | None
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualCompletion:
    """A delivery that an operator says has arrived."""

    org_id: UUID
    delivery_id: UUID
    traceparent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptTarget:
    """An endpoint that a claimed delivery goes to, and the attempt that was begun for it."""

    attempt_id: UUID
    endpoint_id: UUID
    url: str
    secrets: tuple[SealedSecret, ...]
    trace: TraceContext
    previous: TraceContext | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claimed delivery, with a credit held; `attempt_count` counts this attempt.

    Counts of its endpoints: `accepted_count` and `failed_count` answered for good before;
    `throttled_count` are tried later; `missed_count` were disabled before they answered.
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
    targets: tuple[AttemptTarget, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult:
    """What an attempt resulted in; `retry_after_seconds` is what the peer's header asks for."""

    attempt_id: UUID
    outcome: AttemptOutcome
    status_code: int | None = None
    error: str | None = None
    answer_excerpt: str | None = None
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What is done with a delivery after its attempts; a retry says in how many seconds.

    `hold_action` is for a delivery that is not completed. `reason` is the outcome that led here.
    """

    action: DeliveryAction
    hold_action: HoldAction = "release"
    reason: str | None = None
    retry_after_seconds: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A claimed delivery with the results of its attempts and what is done next."""

    claim: Claim
    next_step: NextStep
    results: tuple[AttemptResult, ...]
    throttle_seconds: tuple[float, ...]
