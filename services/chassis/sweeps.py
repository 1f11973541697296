"""Deletes what every service keeps only for a time: ticks, and requests too old to be repeated."""

from typing import Final

from services.chassis.config import ServiceConfig
from services.chassis.database import Database
from services.chassis.periodic import Task

_TICKS_EVERY_SECONDS: Final = 3600.0
_REQUESTS_EVERY_SECONDS: Final = 60.0
_REQUESTS_MAX: Final = 20_000
_DAY_SECONDS: Final = 86_400


class SweepStore:
    """The sweeps of the tables that every schema has."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sweep_ticks(self, traceparent: str) -> int | None:
        """Deletes old ticks."""
        swept: int | None = await self._database.value(
            "sweep_ticks", p_traceparent=traceparent, p_every_seconds=_TICKS_EVERY_SECONDS
        )
        return swept

    async def sweep_requests(self, traceparent: str, *, kept_days: float) -> int | None:
        """Deletes requests older than that, at most `_REQUESTS_MAX` of them."""
        swept: int | None = await self._database.value(
            "sweep_requests",
            p_kept_seconds=kept_days * _DAY_SECONDS,
            p_limit=_REQUESTS_MAX,
            p_every_seconds=_REQUESTS_EVERY_SECONDS,
            p_traceparent=traceparent,
        )
        return swept


def chassis_sweeps(database: Database, config: ServiceConfig) -> list[Task]:
    """The periodic tasks that each service runs beside its own."""
    store = SweepStore(database)

    async def requests(traceparent: str) -> int | None:
        return await store.sweep_requests(traceparent, kept_days=config.requests_kept_days)

    return [
        Task(name="sweep_ticks", every_seconds=_TICKS_EVERY_SECONDS, run=store.sweep_ticks),
        Task(name="sweep_requests", every_seconds=_REQUESTS_EVERY_SECONDS, run=requests),
    ]
