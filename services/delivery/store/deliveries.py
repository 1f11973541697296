"""Deliveries as they are read, completed by hand and queued again."""

from collections.abc import Sequence
from uuid import UUID

from services.chassis.database import Database
from services.delivery.records import Attempt, CompletionOutcome, Delivery, ManualCompletion


class DeliveryStore:
    """Functions about deliveries, except sending them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_delivery(
        self, org_id: UUID, workspace_id: UUID | None, delivery_id: UUID
    ) -> Delivery | None:
        """One delivery, or None."""
        # calls get_delivery_v2: the one with the last error.
        row = await self._database.row(
            "get_delivery_v2",
            p_org_id=org_id,
            p_workspace_id=workspace_id,
            p_delivery_id=delivery_id,
        )
        return None if row is None else Delivery(**row)

    async def list_attempts(
        self, org_id: UUID, workspace_id: UUID | None, delivery_id: UUID
    ) -> list[Attempt]:
        """Every attempt of a delivery, oldest first."""
        rows = await self._database.rows(
            "list_attempts",
            p_org_id=org_id,
            p_workspace_id=workspace_id,
            p_delivery_id=delivery_id,
        )
        return [Attempt(**row) for row in rows]

    async def list_deliveries(
        self,
        org_id: UUID,
        workspace_id: UUID | None,
        *,
        of_workspace_id: UUID | None,
        status: str | None,
        limit: int,
        before: UUID | None,
    ) -> list[Delivery]:
        """A page of deliveries, newest first."""
        # calls list_deliveries_v2: the one with the last error.
        rows = await self._database.rows(
            "list_deliveries_v2",
            p_org_id=org_id,
            p_workspace_id=workspace_id,
            p_of_workspace_id=of_workspace_id,
            p_status=status,
            p_limit=limit,
            p_before=before,
        )
        return [Delivery(**row) for row in rows]

    async def complete_deliveries_and_consume_credits(
        self, completions: Sequence[ManualCompletion]
    ) -> dict[UUID, CompletionOutcome]:
        """Completes deliveries by hand, one credit each; an outcome for each delivery."""
        rows = await self._database.rows(
            "complete_deliveries_and_consume_credits",
            p_org_ids=[completion.org_id for completion in completions],
            p_delivery_ids=[completion.delivery_id for completion in completions],
            p_tokens=[None for _ in completions],
            p_statuses=["DELIVERED" for _ in completions],
            p_traceparents=[completion.traceparent for completion in completions],
        )
        return {row["delivery_id"]: row["outcome"] for row in rows}

    async def redeliver_delivery(
        self, org_id: UUID, delivery_id: UUID, *, traceparent: str
    ) -> None:
        """Puts a failed delivery back into the queue; refuses any other."""
        await self._database.rows(
            "redeliver_delivery",
            p_org_id=org_id,
            p_delivery_id=delivery_id,
            p_traceparent=traceparent,
        )

    async def wake_parked_deliveries(
        self, *, limit: int, every_seconds: float, traceparent: str
    ) -> int | None:
        """Wakes parked deliveries that have what they wait for.

        Returns how many, or None when another process ran this tick.
        """
        woken: int | None = await self._database.value(
            "wake_parked_deliveries",
            p_limit=limit,
            p_every_seconds=every_seconds,
            p_traceparent=traceparent,
        )
        return woken
