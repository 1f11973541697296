"""Sync sessions, leases, counts and rejects, as they are listed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncToRun:
    """The page to pull, and the session to continue."""

    page_id: UUID
    facebook_page_id: str
    resume_session: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSession:
    """A session, how far it came and what it counted so far."""

    session_id: UUID
    page_id: UUID
    mode: str
    status: str
    phase: str
    calls: int
    conversations_seen: int
    conversations_new: int
    messages_seen: int
    messages_new: int
    rejected: int
    completeness: str | None
    error: str | None
    due_at: datetime | None
    started_at: datetime
    ended_at: datetime | None
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncLock:
    """A lease on a page."""

    page_id: UUID
    locked_by: str
    locked_at: datetime
    expires_at: datetime
    session_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockState:
    """Who holds a page's lease now, and whether it was just acquired."""

    acquired: bool
    locked_by: str
    locked_at: datetime
    expires_at: datetime
    session_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncStatistics:
    """Counts of one page."""

    page_id: UUID
    conversations: int
    conversations_full: int
    conversations_truncated: int
    conversations_partial: int
    webhook_received: int
    webhook_stored: int
    webhook_duplicate: int
    webhook_rejected: int
    pull_received: int
    pull_stored: int
    pull_duplicate: int
    pull_rejected: int
    syncs_completed: int
    syncs_failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReject:
    """Something that could not be read, as it came."""

    reject_id: UUID
    page_id: UUID
    origin: str
    kind: str
    reason: str
    raw: str
    created_at: datetime
    trace_id: str
