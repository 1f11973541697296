"""What travels between edge, rules and store: leads, claims on them, rules, decisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from services.chassis.trace import TraceContext

DecisionOutcome = Literal["routed", "no_match", "error"]
CandidateResult = Literal["matched", "failed", "error"]


# Leads. ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadAnswer:
    """One question of a form, by its key, and every value that was chosen."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """What rules look at and buyers receive; `phone` in E.164, `email` lower-case, or empty."""

    org_id: UUID
    lead_id: UUID
    source_id: UUID
    source_kind: str
    type: str
    phone: str
    email: str
    full_name: str
    details: str
    answers: tuple[LeadAnswer, ...]
    consents: Mapping[str, bool]
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLead:
    """A lead that ingest hands over, with the context that wrote it."""

    lead: Lead
    trace: TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Where a lead's routing stands."""

    routing_status: str
    workspace_id: UUID | None
    routing_error: str | None
    routing_attempts: int
    next_retry_at: datetime | None
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDecision:
    """A decision as it was logged; the candidates are those of `decision_record`."""

    attempt: int
    outcome: str
    rule_id: UUID | None
    rule_version: int | None
    workspace_id: UUID | None
    candidates: list[dict[str, Any]]
    decided_at: datetime


# Workspaces and rules. ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorkspace:
    """A workspace to create; `offer_policy` is "direct" or "manual"."""

    name: str
    offer_policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A destination inside an org."""

    workspace_id: UUID
    name: str
    offer_policy: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRule:
    """A rule to create."""

    workspace_id: UUID
    name: str
    priority: int
    condition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """A new version of a rule; what is None stays as it is."""

    rule_id: UUID
    etag: str
    workspace_id: UUID | None = None
    name: str | None = None
    priority: int | None = None
    condition: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRule:
    """A rule as its org sees it."""

    rule_id: UUID
    version: int
    workspace_id: UUID
    name: str
    priority: int
    condition: str
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One version of an enabled rule as leads meet it: what matches goes to the workspace."""

    rule_id: UUID
    version: int
    workspace_id: UUID
    condition: str


# Decisions. --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A rule that was looked at; without a match, the first predicate that was not true."""

    rule: Rule
    result: CandidateResult
    failing_predicate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Where a lead goes and every rule that was looked at; `matched` is None where it stays.

    Without a match the outcome is "error" when a rule failed on the lead (it might have matched),
    else "no_match"; `error` is why it stays, for `routing_error`.
    """

    outcome: DecisionOutcome
    matched: Rule | None
    candidates: tuple[Candidate, ...]
    error: str = ""


# Claims: what a worker holds, and what it reports of it. -----------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedLead:
    """A lead that this worker holds until its lease ends.

    `attempt` is the number of this try to route it (from 1), `interruptions` how often a worker
    that held it let its lease run out; `trace` and `previous` are the contexts of the lead and of
    the attempt before.
    """

    lead: Lead
    attempt: int
    interruptions: int
    enqueued_at: datetime
    was_due_at: datetime
    locked_at: datetime
    trace: TraceContext
    previous: TraceContext | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedLead:
    """A claimed lead with the decision on it, and the context of the decision's span."""

    claimed: ClaimedLead
    decision: Decision
    trace: TraceContext

    @property
    def lead_id(self) -> UUID:
        """The lead's id."""
        return self.claimed.lead.lead_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Reports a lead that a rule matched: its dedupe hashes, and what its buyer receives."""

    decided: DecidedLead
    rule: Rule
    hashes: tuple[str, ...]
    offer: dict[str, Any]
    record: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Reports a lead that stays; `outcome` and `error` as its log has them."""

    decided: DecidedLead
    outcome: str
    error: str
    record: dict[str, Any]
