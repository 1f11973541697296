"""Scheduling's periodic work."""

from services.chassis.periodic import Task
from services.scheduling.config import SchedulingConfig
from services.scheduling.store.appointments import AppointmentStore
from services.scheduling.store.holds import HoldStore
from services.scheduling.store.waitlist import WaitlistStore


def sweeps(
    holds: HoldStore,
    waitlist: WaitlistStore,
    appointments: AppointmentStore,
    config: SchedulingConfig,
) -> list[Task]:
    """Expired holds, the waitlist and reminders."""

    async def expire_slot_holds(traceparent: str) -> int | None:
        return await holds.expire_slot_holds(
            limit=config.expire_holds_batch_max,
            every_seconds=config.expire_holds_every_seconds,
            traceparent=traceparent,
        )

    async def promote_waiting(traceparent: str) -> int | None:
        return await waitlist.promote_waiting(
            limit=config.promote_waiting_batch_max,
            every_seconds=config.promote_waiting_every_seconds,
            traceparent=traceparent,
        )

    async def emit_reminders(traceparent: str) -> int | None:
        return await appointments.emit_reminders(
            limit=config.reminders_batch_max,
            every_seconds=config.reminders_every_seconds,
            traceparent=traceparent,
        )

    return [
        Task(
            name="expire_slot_holds",
            every_seconds=config.expire_holds_every_seconds,
            run=expire_slot_holds,
        ),
        Task(
            name="promote_waiting",
            every_seconds=config.promote_waiting_every_seconds,
            run=promote_waiting,
        ),
        Task(
            name="emit_reminders",
            every_seconds=config.reminders_every_seconds,
            run=emit_reminders,
        ),
    ]
