"""Ingest's stored functions, one method for each, by what they are about."""

from services.ingest.store.leads import LeadStore
from services.ingest.store.orphans import OrphanStore
from services.ingest.store.sources import SourceStore
from services.ingest.store.webhooks import WebhookStore


class IngestStore(SourceStore, WebhookStore, OrphanStore, LeadStore):
    """Ingest's schema."""
