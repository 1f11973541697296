"""Offers on their way to delivery."""

from collections.abc import Awaitable
from typing import Final, Protocol

import msgspec

from services.chassis.outbox.handoff import handing_over
from services.chassis.outbox.relay import Send
from services.chassis.outbox.store import OutboxItem
from waybill.delivery.v1.delivery_service_pb2 import (
    LeadOffer,
    OfferLeadsRequest,
    OfferLeadsResponse,
)

OFFER_LEADS: Final = "delivery.offer_leads"


class Delivery(Protocol):
    """What of delivery's stub is needed here."""

    def OfferLeads(
        self, request: OfferLeadsRequest, *, timeout: float
    ) -> Awaitable[OfferLeadsResponse]:
        """Delivery's RPC."""


def offering(delivery: Delivery, *, timeout_seconds: float) -> Send:
    """Sends items of the topic in one RPC, answered by lead id."""
    return handing_over(
        delivery.OfferLeads,
        lambda items: OfferLeadsRequest(offers=[to_offer(item) for item in items]),
        result_id="lead_id",
        timeout_seconds=timeout_seconds,
    )


def to_offer(item: OutboxItem) -> LeadOffer:
    """The outbox item as delivery takes it."""
    return LeadOffer(
        org_id=str(item.org_id),
        lead_id=str(item.subject_id),
        workspace_id=item.payload["workspace_id"],
        offer_policy=item.payload["offer_policy"],
        payload_json=msgspec.json.encode(item.payload["payload"]).decode(),
        traceparent=item.trace.traceparent,
        tracestate=item.trace.tracestate,
    )
