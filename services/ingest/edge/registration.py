"""`waybill.ingest.v1.IngestService`, put together from the handlers of its resources."""

from dataclasses import dataclass

from services.chassis.rpc.server import Registration
from services.chassis.sealing import SealedColumn
from services.ingest.api_source_cache import ApiSourceCache
from services.ingest.app_secrets import AppSecrets
from services.ingest.edge.apps import AppHandlers
from services.ingest.edge.leads import LeadHandlers
from services.ingest.edge.orgs import OrgHandlers
from services.ingest.edge.sources import SourceHandlers
from services.ingest.edge.webhook_items import WebhookItemHandlers
from services.ingest.edge.webhook_orphans import WebhookOrphanHandlers
from services.ingest.lead_writer import LeadWriter
from services.ingest.store import IngestStore
from waybill.ingest.v1 import ingest_service_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What the handlers use; the columns seal what they hold."""

    store: IngestStore
    app_secrets: AppSecrets
    app_secret_column: SealedColumn
    access_token_column: SealedColumn
    api_sources: ApiSourceCache
    lead_writer: LeadWriter


def registration(dependencies: Dependencies) -> Registration:
    """IngestService for `serving`."""
    store = dependencies.store
    return Registration(
        descriptor=pb.DESCRIPTOR.services_by_name["IngestService"],
        handlers=(
            OrgHandlers(store),
            AppHandlers(store, dependencies.app_secrets, dependencies.app_secret_column),
            SourceHandlers(store, dependencies.access_token_column, dependencies.api_sources),
            LeadHandlers(store, dependencies.lead_writer, dependencies.api_sources),
            WebhookItemHandlers(store),
            WebhookOrphanHandlers(store),
        ),
    )
