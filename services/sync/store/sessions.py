"""Sync sessions, in the database: each write under the lease that the run's token holds."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from services.chassis.database import Database, Record
from services.chassis.trace import trace_of_row
from services.sync.clock import Clock, RealClock
from services.sync.position import Position, to_json
from services.sync.records.pulls import Checkpoint, PulledBatch, RunEnd, SyncRun, ThreadRead
from services.sync.records.sessions import SyncReject, SyncSession, SyncStatistics
from services.sync.store.composites import (
    conversations_to_store,
    events_to_store,
    rejects_to_store,
    threads_read,
)

_SESSION_COLUMNS: Final = tuple(field.name for field in fields(SyncSession))
_COUNT_COLUMNS: Final = tuple(
    field.name for field in fields(SyncStatistics) if field.name != "page_id"
)


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
        org_id: UUID,
        *,
        page_id: UUID,
        facebook_page_id: str | None,
        resume_session: UUID | None,
        session_id: UUID,
        token: UUID,
        traceparent: str,
    ) -> SyncRun:
        """Starts a session or continues one.

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
        self, org_id: UUID, *, page_id: UUID, session_id: UUID, mode: str, traceparent: str
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

    async def claim_sync_session(self, token: UUID, attempt_trace_id: str) -> SyncRun | None:
        """The session that has been due longest, under a lease; None where none is due."""
        row = await self._database.row(
            "claim_sync_session",
            p_locked_by=self._worker,
            p_token=token,
            p_lease_seconds=self.lease_seconds,
            p_attempt_trace_id=attempt_trace_id,
            **self._clock.argument(),
        )
        return None if row is None else _to_run(row, token)

    async def save_sync_page(
        self, run: SyncRun, version: int, position: Position, batch: PulledBatch
    ) -> Checkpoint:
        """Stores batch and position together. Raises SYNC_LEASE_LOST: nothing was stored."""
        row = await self._database.row(
            "save_sync_page",
            p_org_id=run.org_id,
            p_session_id=run.session_id,
            p_token=run.token,
            p_version=version,
            p_phase=position.shown_phase,
            p_position=to_json(position),
            p_lease_seconds=self.lease_seconds,
            p_conversations=conversations_to_store(batch.conversations),
            p_events=events_to_store(batch.conversations),
            p_threads=threads_read(batch.threads),
            p_rejects=rejects_to_store(batch.rejects),
            **self._clock.argument(),
        )
        assert row is not None
        return Checkpoint(**row)

    async def list_threads_read(
        self, run: SyncRun, thread_ids: Sequence[str]
    ) -> dict[str, ThreadRead]:
        """Those of the threads that were read before, by their ids."""
        rows = await self._database.rows(
            "list_threads_read",
            p_org_id=run.org_id,
            p_page_id=run.page_id,
            p_thread_ids=thread_ids,
        )
        return {row["thread_id"]: ThreadRead(**row) for row in rows}

    async def end_sync_run(self, run: SyncRun, version: int, end: RunEnd) -> RunEnd:
        """Ends the run and releases the lease; with `due_at`. Raises SYNC_LEASE_LOST."""
        due_at = await self._database.value(
            "end_sync_run",
            p_org_id=run.org_id,
            p_session_id=run.session_id,
            p_token=run.token,
            p_version=version,
            p_status=end.status,
            p_outcome=end.outcome,
            p_error=end.error,
            p_failures=end.failures,
            p_due_seconds=end.due_seconds,
            p_completeness=end.completeness,
            p_watermark_at=end.watermark_at,
            p_token_status=end.token_status,
            **self._clock.argument(),
        )
        return replace(end, due_at=due_at)

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

    async def get_sync(self, org_id: UUID, session_id: UUID) -> SyncSession | None:
        """One session, or None."""
        row = await self._database.row("get_sync", p_org_id=org_id, p_session_id=session_id)
        return None if row is None else _to_session(row)

    async def list_active_syncs(self, org_id: UUID, limit: int) -> list[SyncSession]:
        """Sessions that have not ended, oldest first."""
        rows = await self._database.rows("list_active_syncs", p_org_id=org_id, p_limit=limit)
        return [_to_session(row) for row in rows]

    async def list_sync_statistics(self, org_id: UUID, limit: int) -> list[SyncStatistics]:
        """Counts of each page."""
        rows = await self._database.rows("list_sync_statistics", p_org_id=org_id, p_limit=limit)
        return [_to_statistics(row) for row in rows]

    async def list_sync_rejects(
        self, org_id: UUID, limit: int, before: tuple[datetime, UUID] | None
    ) -> list[SyncReject]:
        """What could not be read, newest first."""
        created_at, reject_id = before or (None, None)
        rows = await self._database.rows(
            "list_sync_rejects",
            p_org_id=org_id,
            p_limit=limit,
            p_before_created_at=created_at,
            p_before=reject_id,
        )
        return [SyncReject(**row) for row in rows]


def _to_session(row: Record) -> SyncSession:
    return SyncSession(**{name: row[name] for name in _SESSION_COLUMNS})


def _to_statistics(row: Record) -> SyncStatistics:
    counts = {name: int(row[name]) for name in _COUNT_COLUMNS}
    return SyncStatistics(page_id=row["page_id"], **counts)


def _to_run(row: Record, token: UUID) -> SyncRun:
    return SyncRun(
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
        trace=trace_of_row(row),
    )
