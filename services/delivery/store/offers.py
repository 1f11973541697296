"""Offers and the workspaces they go to."""

from collections.abc import Sequence
from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.delivery.records import AcceptedOffer, NewOffer, Offer, OfferEvent


class OfferStore:
    """Functions about offers and workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def has_workspace(self, org_id: UUID, workspace_id: UUID) -> bool:
        """Whether delivery has its copy of the workspace."""
        known: bool = await self._database.value(
            "has_workspace", p_org_id=org_id, p_workspace_id=workspace_id
        )
        return known

    async def save_workspace(
        self, org_id: UUID, workspace_id: UUID, *, offer_policy: str, traceparent: str
    ) -> None:
        """Saves delivery's copy of a workspace."""
        # calls save_workspaces: a batch of one
        await self._database.rows(
            "save_workspaces",
            p_org_ids=[org_id],
            p_workspace_ids=[workspace_id],
            p_offer_policies=[offer_policy],
            p_traceparents=[traceparent],
        )

    async def offer_leads(self, offers: Sequence[NewOffer]) -> list[AcceptedOffer]:
        """Accepts offers; a repeat returns the first offer's id."""
        rows = await self._database.rows(
            "offer_leads",
            p_org_ids=[offer.org_id for offer in offers],
            p_offer_ids=[offer.offer_id for offer in offers],
            p_delivery_ids=[offer.delivery_id for offer in offers],
            p_lead_ids=[offer.lead_id for offer in offers],
            p_workspace_ids=[offer.workspace_id for offer in offers],
            p_offer_policies=[offer.offer_policy for offer in offers],
            p_payloads=[offer.payload for offer in offers],
            p_traceparents=[offer.trace.traceparent for offer in offers],
            p_tracestates=[offer.trace.tracestate for offer in offers],
        )
        return [
            AcceptedOffer(
                lead_id=row["lead_id"],
                workspace_id=row["workspace_id"],
                offer_id=row["offer_id"],
                created=row["created"],
            )
            for row in rows
        ]

    async def get_offer(
        self, org_id: UUID, workspace_id: UUID | None, offer_id: UUID
    ) -> Offer | None:
        """One offer, or None."""
        row = await self._database.row(
            "get_offer", p_org_id=org_id, p_workspace_id=workspace_id, p_offer_id=offer_id
        )
        return None if row is None else Offer(**row)

    async def list_offer_events(
        self, org_id: UUID, workspace_id: UUID | None, offer_id: UUID
    ) -> list[OfferEvent]:
        """Every step of an offer, oldest first."""
        rows = await self._database.rows(
            "list_offer_events", p_org_id=org_id, p_workspace_id=workspace_id, p_offer_id=offer_id
        )
        return [OfferEvent(**row) for row in rows]

    async def list_offers(
        self,
        org_id: UUID,
        workspace_id: UUID | None,
        *,
        of_workspace_id: UUID | None,
        lead_id: UUID | None,
        limit: int,
        before: UUID | None,
    ) -> list[Offer]:
        """A page of offers, newest first."""
        rows = await self._database.rows(
            "list_offers",
            p_org_id=org_id,
            p_workspace_id=workspace_id,
            p_of_workspace_id=of_workspace_id,
            p_lead_id=lead_id,
            p_limit=limit,
            p_before=before,
        )
        return [Offer(**row) for row in rows]

    async def advance_offer(
        self,
        org_id: UUID,
        offer_id: UUID,
        to_status: str,
        *,
        delivery_id: UUID,
        request_id: RequestId,
        traceparent: str,
    ) -> Offer:
        """Moves an offer one step; refuses a step that is not allowed."""
        row = await self._database.row(
            "advance_offer",
            p_org_id=org_id,
            p_offer_id=offer_id,
            p_to_status=to_status,
            p_delivery_id=delivery_id,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        assert row is not None
        return Offer(**row)
