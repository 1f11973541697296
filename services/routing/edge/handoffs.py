"""Offers in the outbox, as delivery takes them."""

from collections.abc import Awaitable
from typing import Final, Protocol

import msgspec

from services.chassis.outbox.handoff import handing_over
from services.chassis.outbox.relay import Send
from services.chassis.outbox.store import OutboxItem
from waybill.delivery.v1 import delivery_service_pb2 as delivery_pb

OFFER_LEADS: Final = "delivery.offer_leads"


class OfferLeadsStub(Protocol):
    """The part of delivery's stub that is needed here."""

    def OfferLeads(
        self, request: delivery_pb.OfferLeadsRequest, *, timeout: float
    ) -> Awaitable[delivery_pb.OfferLeadsResponse]:
        """Delivery's RPC."""


def offer_sender(delivery: OfferLeadsStub, *, timeout_seconds: float) -> Send:
    """Sends items of the topic in one RPC; its results are keyed by lead id."""
    return handing_over(
        delivery.OfferLeads,
        lambda items: delivery_pb.OfferLeadsRequest(offers=[to_offer(item) for item in items]),
        result_id="lead_id",
        timeout_seconds=timeout_seconds,
    )


def to_offer(item: OutboxItem) -> delivery_pb.LeadOffer:
    """The outbox item as delivery takes it."""
    return delivery_pb.LeadOffer(
        org_id=str(item.org_id),
        lead_id=str(item.subject_id),
        workspace_id=item.payload["workspace_id"],
        offer_policy=item.payload["offer_policy"],
        payload_json=msgspec.json.encode(item.payload["payload"]).decode(),
        traceparent=item.trace.traceparent,
        tracestate=item.trace.tracestate,
    )
