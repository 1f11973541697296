"""What ingest's RPCs answer, from rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from waybill.ingest.v1.ingest_service_pb2 import (
    Answer,
    Consent,
    Lead,
    Source,
    WebhookItem,
    WebhookOrphan,
)

Row = Mapping[str, Any]


def to_source(row: Row) -> Source:
    """A source as it is listed."""
    created_at = row["created_at"]
    if isinstance(created_at, str):
        created_at = datetime.fromisoformat(created_at)
    return Source(
        source_id=str(row["source_id"]),
        kind=row["kind"],
        external_id=row["external_id"],
        name=row["name"],
        default_region=row["default_region"],
        create_time=to_timestamp(created_at),
    )


def to_lead(row: Row) -> Lead:
    """A lead as it is listed."""
    return Lead(
        lead_id=str(row["lead_id"]),
        contact_id=str(row["contact_id"]),
        conversation_id=str(row["conversation_id"]),
        source_id=str(row["source_id"]),
        type=row["type"],
        phone=row["phone"],
        phone_raw=row["phone_raw"],
        email=row["email"],
        full_name=row["full_name"],
        external_id=row["external_id"] or "",
        answers=[Answer(name=each["name"], values=each["values"]) for each in row["answers"]],
        consents=[Consent(key=key, checked=checked) for key, checked in row["consents"].items()],
        create_time=to_timestamp(row["created_at"]),
        trace_id=row["trace_id"],
    )


def to_item(row: Row) -> WebhookItem:
    """A webhook item as it is listed."""
    return WebhookItem(
        item_id=str(row["item_id"]),
        delivery_id=str(row["delivery_id"]),
        kind=row["kind"],
        external_id=row["external_id"] or "",
        status=row["status"],
        reason=row["reason"] or "",
        attempts=row["attempts"],
        lead_id=str(row["lead_id"] or ""),
        create_time=to_timestamp(row["received_at"]),
        trace_id=row["trace_id"],
    )


def to_orphan(row: Row) -> WebhookOrphan:
    """An orphan as it is listed."""
    return WebhookOrphan(
        item_id=str(row["item_id"]),
        delivery_id=str(row["delivery_id"]),
        kind=row["kind"],
        external_id=row["external_id"] or "",
        source_kind=row["source_kind"] or "",
        source_external_id=row["source_external_id"] or "",
        status=row["status"],
        reason=row["reason"],
        create_time=to_timestamp(row["received_at"]),
        trace_id=row["trace_id"],
    )


def to_timestamp(time: datetime) -> Timestamp:
    """As protobuf's Timestamp."""
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return timestamp
