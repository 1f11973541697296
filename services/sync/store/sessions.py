"""Sync sessions, in the database: each step under the lease that the run's token holds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.database import Database, Record
from services.chassis.trace import TraceContext, parse
from services.sync.clock import Clock, RealClock
from services.sync.position import Position, to_json
from services.sync.rows import Rows
from services.sync.store.arrays import conversation_arrays, events_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
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
class Saved:
    """What a checkpoint changed."""

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
    due_at: datetime | None = None
    completeness: str | None = None
    watermark_at: datetime | None = None
    token_status: str | None = None


class SessionStore:
    """Sessions of sync's schema, as one worker sees them."""

    def __init__(
        self,
        database: Database,
        worker: str,
        *,
        lease_seconds: float = 60,
        clock: Clock | None = None,
    ) -> None:
        self._database = database
        self._worker = worker
        self._clock = clock or RealClock()
        self.lease_seconds = lease_seconds

    async def start_sync(
        self,
        *,
        org_id: UUID,
        page_id: UUID,
        facebook_page_id: str | None,
        resume_session: UUID | None,
        session_id: UUID,
        token: UUID,
        traceparent: str,
    ) -> Run:
        """Starts a session or goes on with one.

        Raises SYNC_IN_PROGRESS, PAGE_NOT_FOUND, PAGE_MISMATCH, PAGE_TOKEN_DEAD,
        SYNC_SESSION_NOT_FOUND, SYNC_SESSION_FINISHED.
        """
        row = await self._database.row(
            "start_sync",
            p_org_id=org_id,
            p_page_id=page_id,
            p_facebook_page_id=facebook_page_id,
            p_resume_session=resume_session,
            p_session_id=session_id,
            p_locked_by=self._worker,
            p_token=token,
            p_lease_seconds=self.lease_seconds,
            p_traceparent=traceparent,
            **self._clock.argument(),
        )
        assert row is not None
        return _to_run(row, token)

    async def schedule_sync(
        self, *, org_id: UUID, page_id: UUID, session_id: UUID, mode: str, traceparent: str
    ) -> None:
        """Makes a session that runs by itself.

        Raises SYNC_IN_PROGRESS, PAGE_NOT_FOUND, PAGE_TOKEN_DEAD.
        """
        await self._database.rows(
            "schedule_sync",
            p_org_id=org_id,
            p_page_id=page_id,
            p_session_id=session_id,
            p_mode=mode,
            p_traceparent=traceparent,
            **self._clock.argument(),
        )

    async def claim_sync_session(self, token: UUID, attempt_trace_id: str) -> Run | None:
        """The session that has been due longest, under a lease; None where none is."""
        row = await self._database.row(
            "claim_sync_session",
            p_locked_by=self._worker,
            p_token=token,
            p_lease_seconds=self.lease_seconds,
            p_attempt_trace_id=attempt_trace_id,
            **self._clock.argument(),
        )
        return None if row is None else _to_run(row, token)

    async def save_sync_page(self, run: Run, version: int, position: Position, rows: Rows) -> Saved:
        """Stores rows and checkpoint together. Raises SYNC_LEASE_LOST: nothing was stored."""
        rejects = rows.rejects
        row = await self._database.row(
            "save_sync_page",
            p_org_id=run.org_id,
            p_session_id=run.session_id,
            p_token=run.token,
            p_version=version,
            p_phase=position.shown_phase,
            p_position=to_json(position),
            p_lease_seconds=self.lease_seconds,
            **conversation_arrays(rows.conversations),
            **events_of(rows.conversations),
            p_reject_kinds=[each.kind for each in rejects],
            p_reject_reasons=[each.reason for each in rejects],
            p_reject_hashes=[each.raw_hash for each in rejects],
            p_reject_raws=[each.raw_json for each in rejects],
            **self._clock.argument(),
        )
        assert row is not None
        return Saved(**row)

    async def end_sync_run(self, run: Run, version: int, end: RunEnd) -> None:
        """Ends the run and gives the lease back. Raises SYNC_LEASE_LOST."""
        await self._database.rows(
            "end_sync_run",
            p_org_id=run.org_id,
            p_session_id=run.session_id,
            p_token=run.token,
            p_version=version,
            p_status=end.status,
            p_outcome=end.outcome,
            p_error=end.error,
            p_failures=end.failures,
            p_due_at=end.due_at,
            p_completeness=end.completeness,
            p_watermark_at=end.watermark_at,
            p_token_status=end.token_status,
            **self._clock.argument(),
        )

    async def schedule_incremental_syncs(
        self, *, session_every_seconds: float, limit: int, every_seconds: float, traceparent: str
    ) -> int | None:
        """Makes sessions for pages that are due; None when another process ran this tick."""
        made: int | None = await self._database.value(
            "schedule_incremental_syncs",
            p_session_every_seconds=session_every_seconds,
            p_limit=limit,
            p_every_seconds=every_seconds,
            p_traceparent=traceparent,
            **self._clock.argument(),
        )
        return made

    async def get_sync(self, org_id: UUID, session_id: UUID) -> Record | None:
        """One session, or None."""
        return await self._database.row("get_sync", p_org_id=org_id, p_session_id=session_id)

    async def list_active_syncs(self, org_id: UUID, limit: int) -> list[Record]:
        """Sessions that have not ended, oldest first."""
        return await self._database.rows("list_active_syncs", p_org_id=org_id, p_limit=limit)

    async def list_sync_statistics(self, org_id: UUID, limit: int) -> list[Record]:
        """Counts of each page."""
        return await self._database.rows("list_sync_statistics", p_org_id=org_id, p_limit=limit)

    async def list_sync_rejects(
        self, org_id: UUID, limit: int, before: tuple[datetime, UUID] | None
    ) -> list[Record]:
        """What could not be read, newest first."""
        created_at, reject_id = before or (None, None)
        return await self._database.rows(
            "list_sync_rejects",
            p_org_id=org_id,
            p_limit=limit,
            p_before_created_at=created_at,
            p_before=reject_id,
        )


def _to_run(row: Record, token: UUID) -> Run:
    trace = parse(row["traceparent"], row["tracestate"])
    if trace is None:
        raise ValueError("a row's traceparent is checked by its column")
    return Run(
        org_id=row["org_id"],
        session_id=row["session_id"],
        page_id=row["page_id"],
        token=token,
        platform=row["platform"],
        facebook_page_id=row["facebook_page_id"],
        external_app_id=row["external_app_id"],
        access_token_ciphertext=row["access_token_ciphertext"],
        mode=row["mode"],
        version=row["version"],
        position=row["position"],
        watermark_at=row["watermark_at"],
        failures=row["failures"],
        number=row["run_number"],
        waiting_since=row["updated_at"],
        trace=trace,
    )
