"""Scheduling's periodic work."""

from services.chassis.periodic import Task
from services.scheduling.config import SchedulingConfig
from services.scheduling.store.appointments import AppointmentStore
from services.scheduling.store.holds import HoldStore


def sweeps(
    holds: HoldStore, appointments: AppointmentStore, config: SchedulingConfig
) -> list[Task]:
    """Scheduling's periodic work."""

    async def expire(traceparent: str) -> int | None:
        return await holds.expire_slot_holds(
            limit=config.expire_holds_batch_max,
            every_seconds=config.expire_holds_every_seconds,
            traceparent=traceparent,
        )

    async def promote(traceparent: str) -> int | None:
        return await holds.promote_waiting(
            limit=config.promote_waiting_batch_max,
            every_seconds=config.promote_waiting_every_seconds,
            traceparent=traceparent,
        )

    async def remind(traceparent: str) -> int | None:
        return await appointments.emit_reminders(
            limit=config.reminders_batch_max,
            every_seconds=config.reminders_every_seconds,
            traceparent=traceparent,
        )

    return [
        Task(name="expire_slot_holds", every_seconds=config.expire_holds_every_seconds, run=expire),
        Task(
            name="promote_waiting", every_seconds=config.promote_waiting_every_seconds, run=promote
        ),
        Task(name="emit_reminders", every_seconds=config.reminders_every_seconds, run=remind),
    ]
