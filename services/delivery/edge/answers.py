"""Records as protobuf messages."""

from services.chassis.timestamps import to_optional_timestamp, to_timestamp
from services.delivery.records import (
    Attempt,
    Balance,
    Delivery,
    Endpoint,
    LedgerEntry,
    Offer,
    OfferEvent,
)
from waybill.delivery.v1 import delivery_service_pb2 as pb


def _text(value: object) -> str:
    return "" if value is None else str(value)


def to_offer(offer: Offer) -> pb.Offer:
    """An offer."""
    return pb.Offer(
        offer_id=str(offer.offer_id),
        lead_id=str(offer.lead_id),
        workspace_id=str(offer.workspace_id),
        status=offer.status,
        delivery_id=_text(offer.delivery_id),
        create_time=to_timestamp(offer.created_at),
        trace_id=offer.trace_id,
    )


def to_offer_event(event: OfferEvent) -> pb.OfferEvent:
    """One step of an offer."""
    return pb.OfferEvent(
        from_status=_text(event.from_status),
        to_status=event.to_status,
        actor=event.actor,
        occur_time=to_timestamp(event.occurred_at),
    )


def to_endpoint(endpoint: Endpoint) -> pb.Endpoint:
    """An endpoint; its secret is never part of it."""
    return pb.Endpoint(
        endpoint_id=str(endpoint.endpoint_id),
        workspace_id=str(endpoint.workspace_id),
        url=endpoint.url,
        status=endpoint.status,
        disabled_reason=_text(endpoint.disabled_reason),
        create_time=to_timestamp(endpoint.created_at),
    )


def to_balance(balance: Balance) -> pb.Balance:
    """A workspace's credits."""
    return pb.Balance(
        workspace_id=str(balance.workspace_id),
        available=balance.available,
        held=balance.held,
        consumed=balance.consumed,
        granted=balance.granted,
        waiting_delivery_count=balance.waiting_delivery_count,
    )


def to_ledger_entry(entry: LedgerEntry) -> pb.LedgerEntry:
    """One side of a ledger transaction."""
    return pb.LedgerEntry(
        entry_id=str(entry.entry_id),
        transaction_id=str(entry.transaction_id),
        type=entry.type,
        account=entry.account,
        amount=entry.amount,
        balance_after=entry.balance_after,
        delivery_id=_text(entry.delivery_id),
        create_time=to_timestamp(entry.created_at),
        trace_id=entry.trace_id,
        reason=entry.reason,
    )


def to_delivery(delivery: Delivery) -> pb.Delivery:
    """A delivery."""
    return pb.Delivery(
        delivery_id=str(delivery.delivery_id),
        offer_id=str(delivery.offer_id),
        lead_id=str(delivery.lead_id),
        workspace_id=str(delivery.workspace_id),
        status=delivery.status,
        waiting_for=_text(delivery.waiting_for),
        attempts=delivery.attempt_count,
        next_attempt_time=to_optional_timestamp(delivery.next_attempt_at),
        create_time=to_timestamp(delivery.created_at),
        complete_time=to_optional_timestamp(delivery.completed_at),
        trace_id=delivery.trace_id,
        last_error=_text(delivery.last_error),
    )


def to_attempt(attempt: Attempt) -> pb.Attempt:
    """One attempt at one endpoint."""
    return pb.Attempt(
        attempt_id=str(attempt.attempt_id),
        endpoint_id=str(attempt.endpoint_id),
        number=attempt.number,
        outcome=_text(attempt.outcome),
        status_code=attempt.status_code or 0,
        error=_text(attempt.error),
        start_time=to_timestamp(attempt.started_at),
        end_time=to_optional_timestamp(attempt.ended_at),
    )
