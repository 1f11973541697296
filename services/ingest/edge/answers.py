"""Records as the protos that RPCs answer with."""

from services.chassis.timestamps import to_timestamp
from services.ingest.records.leads import ListedLead
from services.ingest.records.sources import ListedSource
from services.ingest.records.webhooks import ListedWebhookItem, ListedWebhookOrphan
from waybill.ingest.v1 import ingest_service_pb2 as pb


def to_source(source: ListedSource) -> pb.Source:
    """A source as it is listed."""
    return pb.Source(
        source_id=str(source.source_id),
        kind=source.kind,
        external_id=source.external_id,
        name=source.name,
        default_region=source.default_region,
        create_time=to_timestamp(source.created_at),
    )


def to_lead(lead: ListedLead) -> pb.Lead:
    """A lead as it is listed."""
    return pb.Lead(
        lead_id=str(lead.lead_id),
        contact_id=str(lead.contact_id),
        conversation_id=str(lead.conversation_id),
        source_id=str(lead.source_id),
        type=lead.type,
        phone=lead.phone,
        phone_raw=lead.phone_raw,
        email=lead.email,
        full_name=lead.full_name,
        external_id=lead.external_id or "",
        answers=[pb.Answer(name=each.name, values=each.values) for each in lead.answers],
        consents=[pb.Consent(key=key, checked=checked) for key, checked in lead.consents.items()],
        create_time=to_timestamp(lead.created_at),
        trace_id=lead.trace_id,
    )


def to_webhook_item(item: ListedWebhookItem) -> pb.WebhookItem:
    """A webhook item as it is listed."""
    return pb.WebhookItem(
        item_id=str(item.item_id),
        delivery_id=str(item.delivery_id),
        kind=item.kind,
        external_id=item.external_id or "",
        status=item.status,
        reason=item.reason or "",
        attempts=item.attempts,
        lead_id=str(item.lead_id or ""),
        create_time=to_timestamp(item.received_at),
        trace_id=item.trace_id,
    )


def to_webhook_orphan(orphan: ListedWebhookOrphan) -> pb.WebhookOrphan:
    """An orphan as it is listed."""
    return pb.WebhookOrphan(
        item_id=str(orphan.item_id),
        delivery_id=str(orphan.delivery_id),
        kind=orphan.kind,
        external_id=orphan.external_id or "",
        source_kind=orphan.source_kind or "",
        source_external_id=orphan.source_external_id or "",
        status=orphan.status,
        reason=orphan.reason,
        create_time=to_timestamp(orphan.received_at),
        trace_id=orphan.trace_id,
    )
