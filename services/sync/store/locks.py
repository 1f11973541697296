"""The leases on pages, in the database."""

from uuid import UUID

from services.chassis.database import Database
from services.sync.clock import Clock, RealClock
from services.sync.records.sessions import LockState, SyncLock


class LockStore:
    """Leases of sync's schema."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or RealClock()

    async def acquire_sync_lock(
        self,
        org_id: UUID,
        *,
        page_id: UUID,
        locked_by: str,
        token: UUID,
        lease_seconds: float,
        traceparent: str,
        session_id: UUID | None = None,
    ) -> LockState:
        """Acquires the lease unless another worker holds it."""
        row = await self._database.row(
            "acquire_sync_lock",
            p_org_id=org_id,
            p_page_id=page_id,
            p_locked_by=locked_by,
            p_token=token,
            p_lease_seconds=lease_seconds,
            p_session_id=session_id,
            p_traceparent=traceparent,
            **self._clock.argument(),
        )
        assert row is not None
        return LockState(**row)

    async def extend_sync_lock(
        self, org_id: UUID, page_id: UUID, token: UUID, lease_seconds: float
    ) -> bool:
        """Lengthens the lease; False: it was lost."""
        extended: bool = await self._database.value(
            "extend_sync_lock",
            p_org_id=org_id,
            p_page_id=page_id,
            p_token=token,
            p_lease_seconds=lease_seconds,
            **self._clock.argument(),
        )
        return extended

    async def release_sync_lock(self, org_id: UUID, page_id: UUID, token: UUID) -> bool:
        """Releases the lease; False: no lease has that token."""
        released: bool = await self._database.value(
            "release_sync_lock",
            p_org_id=org_id,
            p_page_id=page_id,
            p_token=token,
            **self._clock.argument(),
        )
        return released

    async def cleanup_expired_locks(
        self, *, limit: int, every_seconds: float, traceparent: str
    ) -> int | None:
        """Deletes leases that ended; None when another process ran this tick."""
        cleaned: int | None = await self._database.value(
            "cleanup_expired_locks",
            p_limit=limit,
            p_every_seconds=every_seconds,
            p_traceparent=traceparent,
            **self._clock.argument(),
        )
        return cleaned

    async def list_sync_locks(self, org_id: UUID, limit: int) -> list[SyncLock]:
        """The leases on the org's pages, oldest first."""
        rows = await self._database.rows("list_sync_locks", p_org_id=org_id, p_limit=limit)
        return [SyncLock(**row) for row in rows]
