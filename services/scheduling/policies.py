"""The settings as the bounds of scheduling's parts."""

from services.chassis.outbound.policy import OutboundPolicy, outbound_policy
from services.chassis.outbox.relay import RelayPolicy
from services.scheduling.config import SchedulingConfig
from services.scheduling.importer import ImporterPolicy


def import_outbound_policy(config: SchedulingConfig) -> OutboundPolicy:
    """The bounds of calls to external calendars."""
    return outbound_policy(
        config,
        total_seconds_max=config.import_seconds_max,
        response_bytes_max=config.import_bytes_max,
    )


def importer_policy(config: SchedulingConfig) -> ImporterPolicy:
    """The bounds of the importer."""
    return ImporterPolicy(
        batch_max=config.import_batch_max,
        lease_seconds=config.import_lease_seconds,
        readers_max=config.import_readers_max,
        reading_seconds_max=config.import_reading_seconds_max,
        memory_bytes_max=config.import_memory_bytes_max,
    )


def timeline_relay_policy() -> RelayPolicy:
    """Events leave in few large batches: nothing waits for them."""
    return RelayPolicy(lingers=True)
