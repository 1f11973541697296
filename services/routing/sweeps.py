"""Routing's periodic work."""

from services.chassis.periodic import Task
from services.routing.config import RoutingConfig
from services.routing.store.leads import LeadStore


def sweeps(leads: LeadStore, config: RoutingConfig) -> list[Task]:
    async def expire(traceparent: str) -> int | None:
        return await leads.expire_leads(
            limit=config.expire_batch_leads_max,
            every_seconds=config.expire_every_seconds,
            traceparent=traceparent,
        )

    return [
        Task(name="expire_leads", every_seconds=config.expire_every_seconds, run=expire),
    ]
