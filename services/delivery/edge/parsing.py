"""Requests as records."""

from typing import Final
from uuid import UUID

from services.chassis.errors import DomainError
from services.chassis.fields import parse_uuid
from services.chassis.ids import new_id
from services.delivery.edge.fields import DeliveryFields
from services.delivery.records import (
    DELIVERY_STATUSES,
    OFFER_POLICIES,
    OFFER_STATUSES,
    Grant,
    NewOffer,
)
from waybill.delivery.v1 import delivery_service_pb2 as pb

OVERLAP_SECONDS: Final = 86_400
OVERLAP_SECONDS_MAX: Final = 7 * OVERLAP_SECONDS
GRANT_CREDITS_MAX: Final = 1_000_000
REASON_CHARACTERS_MAX: Final = 200


def parse_optional_uuid(text: str, field: str) -> UUID | None:
    """The UUID, or None where the field is empty. Raises INVALID_REQUEST."""
    return parse_uuid(text, field) if text else None


def parse_offers(
    request: pb.OfferLeadsRequest,
) -> list[tuple[pb.LeadOffer, NewOffer | DomainError]]:
    """Each offer as sent and as parsed, or why it is refused."""
    return [(item, _parse_or_refuse(item)) for item in request.offers]


def _parse_or_refuse(item: pb.LeadOffer) -> NewOffer | DomainError:
    try:
        return _parse_offer(item)
    except DomainError as refused:
        return refused


def _parse_offer(item: pb.LeadOffer) -> NewOffer:
    fields = DeliveryFields()
    offer = NewOffer(
        org_id=fields.uuid("org_id", item.org_id),
        lead_id=fields.uuid("lead_id", item.lead_id),
        workspace_id=fields.uuid("workspace_id", item.workspace_id),
        offer_id=new_id(),
        delivery_id=new_id(),
        offer_policy=fields.one_of("offer_policy", item.offer_policy, OFFER_POLICIES),
        payload=fields.json_object("payload_json", item.payload_json),
        trace=fields.trace("traceparent", item.traceparent, item.tracestate),
    )
    fields.done()
    return offer


def parse_step(request: pb.AdvanceOfferRequest) -> tuple[UUID, str]:
    """The offer and the state it is to move to."""
    fields = DeliveryFields()
    offer_id = fields.uuid("offer_id", request.offer_id)
    to_status = fields.one_of("to_status", request.to_status, OFFER_STATUSES)
    fields.done()
    return offer_id, to_status


def parse_rotation(request: pb.RotateEndpointSecretRequest) -> tuple[UUID, int]:
    """The endpoint, and for how many seconds its present secret still signs."""
    fields = DeliveryFields()
    endpoint_id = fields.uuid("endpoint_id", request.endpoint_id)
    overlap = request.overlap_seconds if request.HasField("overlap_seconds") else OVERLAP_SECONDS
    overlap_seconds = fields.number("overlap_seconds", overlap, 0, OVERLAP_SECONDS_MAX)
    fields.done()
    return endpoint_id, overlap_seconds


def parse_grant(request: pb.GrantCreditsRequest) -> Grant:
    """Credits to grant."""
    fields = DeliveryFields()
    grant = Grant(
        workspace_id=fields.uuid("workspace_id", request.workspace_id),
        credits=fields.number("credits", request.credits, 1, GRANT_CREDITS_MAX),
        reason=fields.text("reason", request.reason, REASON_CHARACTERS_MAX),
    )
    fields.done()
    return grant


def parse_completion(request: pb.CompleteDeliveryRequest) -> tuple[UUID, UUID]:
    """The org and the delivery that an operator says has arrived."""
    fields = DeliveryFields()
    org_id = fields.uuid("org_id", request.org_id)
    delivery_id = fields.uuid("delivery_id", request.delivery_id)
    fields.done()
    return org_id, delivery_id


def parse_delivery_status(text: str) -> str | None:
    """The status to list by, or None for all."""
    fields = DeliveryFields()
    status = fields.one_of("status", text, DELIVERY_STATUSES) if text else None
    fields.done()
    return status
