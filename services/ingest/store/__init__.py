"""Ingest's stored functions, one method for each, by what they are about."""

from services.ingest.store.leads import LeadStore
from services.ingest.store.sources import SourceStore
from services.ingest.store.webhook_orphans import WebhookOrphanStore
from services.ingest.store.webhooks import WebhookStore


class IngestStore(SourceStore, WebhookStore, WebhookOrphanStore, LeadStore):
    """Ingest's schema."""
