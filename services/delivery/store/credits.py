"""The credit ledger."""

from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.delivery.records import Balance, LedgerEntry


class CreditStore:
    """Functions about credits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def grant_credits(
        self,
        org_id: UUID,
        workspace_id: UUID,
        *,
        credits: int,
        reason: str,
        request_id: RequestId,
        traceparent: str,
    ) -> Balance:
        """Grants credits and wakes deliveries that wait for them; returns the balance after it."""
        row = await self._database.row(
            "grant_credits",
            p_org_id=org_id,
            p_workspace_id=workspace_id,
            p_credits=credits,
            p_reason=reason,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        assert row is not None
        return Balance(**row)

    async def get_balance(
        self, org_id: UUID, workspace_id: UUID | None, of_workspace_id: UUID
    ) -> Balance | None:
        """A workspace's balance, or None where delivery does not know it."""
        row = await self._database.row(
            "get_balance",
            p_org_id=org_id,
            p_workspace_id=workspace_id,
            p_of_workspace_id=of_workspace_id,
        )
        return None if row is None else Balance(**row)

    async def list_ledger_entries(
        self,
        org_id: UUID,
        workspace_id: UUID | None,
        *,
        of_workspace_id: UUID,
        limit: int,
        before: tuple[int, str] | None,
    ) -> list[LedgerEntry]:
        """A page of a workspace's ledger, newest first; `before` is version and account."""
        # calls list_ledger_entries_v2: the one with the reasons.
        version, account = before or (None, None)
        rows = await self._database.rows(
            "list_ledger_entries_v2",
            p_org_id=org_id,
            p_workspace_id=workspace_id,
            p_of_workspace_id=of_workspace_id,
            p_limit=limit,
            p_before_version=version,
            p_after_account=account,
        )
        return [LedgerEntry(**row) for row in rows]

    async def expire_holds(
        self, *, limit: int, every_seconds: float, traceparent: str
    ) -> int | None:
        """Releases expired holds; returns how many, or None when another process ran this tick."""
        expired: int | None = await self._database.value(
            "expire_holds",
            p_limit=limit,
            p_every_seconds=every_seconds,
            p_traceparent=traceparent,
        )
        return expired
