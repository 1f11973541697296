"""Delivery's periodic work."""

from services.chassis.periodic import Task
from services.delivery.config import DeliveryConfig
from services.delivery.store.credits import CreditStore
from services.delivery.store.deliveries import DeliveryStore


def sweeps(credits: CreditStore, deliveries: DeliveryStore, config: DeliveryConfig) -> list[Task]:
    """Releases expired holds; wakes parked deliveries that have what they wait for."""

    async def expire(traceparent: str) -> int | None:
        return await credits.expire_holds(
            limit=config.expire_holds_batch_max,
            every_seconds=config.expire_holds_every_seconds,
            traceparent=traceparent,
        )

    async def wake(traceparent: str) -> int | None:
        return await deliveries.wake_parked_deliveries(
            limit=config.wake_workspaces_max,
            every_seconds=config.wake_every_seconds,
            traceparent=traceparent,
        )

    return [
        Task(name="expire_holds", every_seconds=config.expire_holds_every_seconds, run=expire),
        Task(name="wake_parked_deliveries", every_seconds=config.wake_every_seconds, run=wake),
    ]
