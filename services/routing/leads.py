"""A lead as routing knows it, and a lead that a worker holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.chassis.trace import TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
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
    answers: tuple[Answer, ...]
    consents: Mapping[str, bool]
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLead:
    """A lead on its way in, with the context that wrote it."""

    lead: Lead
    trace: TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLead:
    """A claimed lead: which attempt this is (from 1), how often a holder of it let its lease run
    out, and the contexts that it continues from."""

    lead: Lead
    attempt: int
    interruptions: int
    enqueued_at: datetime
    was_due_at: datetime
    locked_at: datetime
    trace: TraceContext
    previous: TraceContext | None
