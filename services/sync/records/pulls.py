"""Runs of sync sessions: what bounds them, what they store, how they end."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.trace import TraceContext
from services.sync.records.conversations import ConversationToStore
from services.sync.records.events import Reject


@dataclass(frozen=True, slots=True, kw_only=True)
class PullBudget:
    """What one run may use: seconds in which calls begin, calls, and rows that are new.

    `call_deadline_seconds`: a call without a response by then is given up, as the caller waits no
    longer.
    """

    seconds: float
    calls: int
    new_rows: int
    call_deadline_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPace:
    """How fast calls of a page may follow each other, and how long a run waits for its slot."""

    interval_seconds: float = 0.5
    slow_percent: int = 75
    stop_percent: int = 90
    slow_factor: float = 4
    wait_seconds_max: float = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PullerPolicy:
    """Bounds: conversations per call, how far an incremental sync overlaps, the pace of calls."""

    list_limit: int = 100
    overlap_seconds: float = 600
    pace: CallPace = field(default_factory=CallPace)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSlot:
    """In how many seconds to make the call; or None, and for how long and why calls are blocked."""

    wait_seconds: float | None
    blocked_seconds: float | None
    blocked_for: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRun:
    """A stretch of work on a session, under a lease; `token` is its fence."""

    org_id: UUID
    session_id: UUID
    page_id: UUID
    token: UUID
    platform: str
    facebook_page_id: str
    external_app_id: str
    access_token_ciphertext: bytes | None
    mode: str
    version: int
    position: dict[str, Any]
    watermark_at: datetime | None
    failures: int
    number: int
    waiting_since: datetime
    trace: TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadRead:
    """A thread of Meta's list that was read as of `updated_at`."""

    thread_id: str
    updated_at: datetime
    has_pending_messages: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledBatch:
    """All that one call of the Graph API brought."""

    conversations: tuple[ConversationToStore, ...] = ()
    threads: tuple[ThreadRead, ...] = ()
    rejects: tuple[Reject, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The session's version after a batch was stored, and how many of its rows were new."""

    version: int
    conversations_new: int
    messages_new: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How a run ends: `status` of the session, `outcome` of the run."""

    status: str
    outcome: str
    error: str | None = None
    failures: int = 0
    due_seconds: float | None = None
    due_at: datetime | None = None
    """The same on the database's clock, once the run has ended."""
    completeness: str | None = None
    watermark_at: datetime | None = None
    token_status: str | None = None
