"""Outbox items as delivery takes them, and its answers as the relay takes them."""

from uuid import uuid4

import msgspec

from services.chassis.ids import new_id
from services.chassis.outbox.relay import HandoffResult
from services.chassis.outbox.store import OutboxItem
from services.chassis.trace import new_root
from services.routing.edge.handoffs import offer_sender
from tests.unit.routing.builders import NOW
from waybill.delivery.v1 import delivery_service_pb2 as delivery_pb


class FakeDelivery:
    """Accepts every offer and keeps the request."""

    async def OfferLeads(
        self,
        request: delivery_pb.OfferLeadsRequest,
        *,
        timeout: float,  # noqa: ASYNC109
    ) -> delivery_pb.OfferLeadsResponse:
        self.request, self.timeout_seconds = request, timeout
        return delivery_pb.OfferLeadsResponse(
            results=[
                delivery_pb.OfferLeadResult(lead_id=offer.lead_id, outcome="accepted")
                for offer in request.offers
            ]
        )


async def test_an_item_becomes_an_offer_in_the_leads_own_trace() -> None:
    trace = new_root()
    item = OutboxItem(
        org_id=uuid4(),
        outbox_id=new_id(),
        subject_id=new_id(),
        payload={"workspace_id": "w", "offer_policy": "manual", "payload": {"type": "order"}},
        attempts=1,
        enqueued_at=NOW,
        due_at=NOW,
        trace=trace,
    )
    delivery = FakeDelivery()
    answers = await offer_sender(delivery, timeout_seconds=3)([item])
    (offer,) = delivery.request.offers
    assert (offer.org_id, offer.lead_id) == (str(item.org_id), str(item.subject_id))
    assert (offer.workspace_id, offer.offer_policy) == ("w", "manual")
    assert msgspec.json.decode(offer.payload_json) == {"type": "order"}
    assert offer.traceparent == trace.traceparent
    assert delivery.timeout_seconds == 3
    assert answers == {item.subject_id: HandoffResult(accepted=True)}
