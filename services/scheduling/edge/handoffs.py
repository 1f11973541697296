"""The topics of scheduling's outbox; `chassis.outbox.timeline` makes them sync's RPC."""

from typing import Final

# Changes of appointments, for their contact's timeline.
APPOINTMENT_EVENTS: Final = "sync.appointment_events"
