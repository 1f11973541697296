"""Bounds of ingest's parts, from its settings."""

from typing import Final

from services.chassis.outbound.policy import OutboundPolicy, outbound_policy
from services.chassis.outbox.relay import RelayPolicy
from services.ingest.config import IngestConfig

_GRAPH_RESPONSE_BYTES_MAX: Final = 256 * 1024


def graph_policy(config: IngestConfig) -> OutboundPolicy:
    """What calls to the Graph API may reach, and how much they may take."""
    return outbound_policy(
        config,
        response_bytes_max=_GRAPH_RESPONSE_BYTES_MAX,
        total_seconds_max=config.graph_timeout_seconds,
    )


def lead_relay_policy(config: IngestConfig) -> RelayPolicy:
    """How many leads are handed to routing at a time, and for how long they are claimed."""
    return RelayPolicy(
        batch_items_max=config.handoff_batch_leads_max, lease_seconds=config.handoff_lease_seconds
    )
