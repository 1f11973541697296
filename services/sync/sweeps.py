"""Sync's periodic tasks."""

from services.chassis.periodic import Task
from services.sync.config import SyncConfig
from services.sync.store.locks import LockStore
from services.sync.store.sessions import SessionStore

ROWS_MAX = 1000


def sweeps(sessions: SessionStore, locks: LockStore, config: SyncConfig) -> list[Task]:
    """Deletes ended leases, and makes incremental sessions for pages that are due."""

    async def cleanup(traceparent: str) -> int | None:
        return await locks.cleanup_expired_locks(
            limit=ROWS_MAX, every_seconds=config.cleanup_every_seconds, traceparent=traceparent
        )

    async def schedule(traceparent: str) -> int | None:
        return await sessions.schedule_incremental_syncs(
            session_every_seconds=config.incremental_every_seconds,
            limit=ROWS_MAX,
            every_seconds=config.cleanup_every_seconds,
            traceparent=traceparent,
        )

    return [
        Task(name="cleanup_expired_locks", every_seconds=config.cleanup_every_seconds, run=cleanup),
        Task(
            name="schedule_incremental_syncs",
            every_seconds=config.cleanup_every_seconds,
            run=schedule,
        ),
    ]
