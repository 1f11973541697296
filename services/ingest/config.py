"""Settings of ingest, `WAYBILL_INGEST_…`."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.chassis.config import OutboundSettings, ServiceConfig


class IngestConfig(OutboundSettings, ServiceConfig):
    """Ingest's settings beside those of every service."""

    model_config = SettingsConfigDict(env_prefix="WAYBILL_INGEST_")

    http_listen: str = Field(description="host:port that webhooks are posted to")
    routing_target: str = Field(description="host:port of routing")
    sync_target: str = Field(default="sync:8443", description="host:port of sync")
    graph_url: str = Field(
        default="https://graph.facebook.com/v26.0", description="Graph API, with its version"
    )
    graph_timeout_seconds: float = Field(default=10, gt=0, le=60)
    graph_calls_concurrent_max: int = Field(
        default=10, ge=1, description="A quarter is reserved for orgs below their share"
    )
    webhook_bytes_max: int = Field(default=3 * 1024 * 1024, ge=1024)
    webhook_read_seconds: float = Field(default=10, gt=0, description="Longest wait for a body")
    webhooks_waiting_max: int = Field(default=5_000, ge=1)
    webhook_bytes_waiting_max: int = Field(default=64 * 1024 * 1024, ge=1024)
    webhook_batch_max: int = Field(default=200, ge=1)
    webhook_batch_bytes_max: int = Field(default=8 * 1024 * 1024, ge=1024)
    claim_put_off_max: int = Field(
        default=2, ge=0, description="Times that a claim of messages lets waiting webhooks go first"
    )
    webhook_items_max: int = Field(default=10_000, ge=1, description="Items in one webhook")
    leads_waiting_max: int = Field(default=5_000, ge=1)
    lead_batch_max: int = Field(default=200, ge=1)
    item_batch_max: int = Field(default=100, ge=1)
    item_lease_seconds: float = Field(default=120, gt=0)
    handoff_batch_leads_max: int = Field(default=200, ge=1, le=2000)
    handoff_lease_seconds: float = Field(default=30, gt=0)
    secrets_fresh_seconds: float = Field(default=60, gt=0)
    sources_fresh_seconds: float = Field(default=1, gt=0)
