"""Topics of the outbox, and the RPC of another service that each becomes."""

from typing import Final

# New offers and ended deliveries: sync.RecordEvents, by the chassis' `timeline_sender`.
TIMELINE_TOPIC: Final = "sync.delivery_events"
