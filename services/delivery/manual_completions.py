"""Completions by hand, many at once: concurrent calls become one batch for the database."""

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from services.chassis.batching import Closed, GroupCommit, Overloaded
from services.chassis.database import is_outage
from services.chassis.errors import DomainError, unavailable
from services.delivery.records import CompletionOutcome, ManualCompletion
from services.delivery.store.deliveries import DeliveryStore

# An account is locked late: one batch is written while another holds it and waits for the disk.
_FLUSHES_CONCURRENT_MAX: Final = 2


class ManualCompletions:
    """Completes deliveries and consumes their credits; open it with `async with`."""

    def __init__(
        self, store: DeliveryStore, *, batch_deliveries_max: int, waiting_max: int
    ) -> None:
        self._store = store
        self._commits: GroupCommit[ManualCompletion, CompletionOutcome] = GroupCommit(
            self._flush,
            batch_items_max=batch_deliveries_max,
            waiting_items_max=waiting_max,
            flushes_concurrent_max=_FLUSHES_CONCURRENT_MAX,
            is_outage=is_outage,
        )

    async def __aenter__(self) -> Self:
        await self._commits.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._commits.__aexit__(kind, error, traceback)

    async def complete(self, completion: ManualCompletion) -> CompletionOutcome:
        """Completes the delivery, or says why not; OVERLOADED when too many wait."""
        try:
            return await self._commits.submit(completion.delivery_id, completion)
        except Overloaded:
            text = "Too many completions wait. Try again in a moment."
            raise DomainError("OVERLOADED", text, retry_after_seconds=1) from None
        except Closed:
            raise unavailable("The service is stopping. Try again.") from None

    async def _flush(self, batch: Mapping[UUID, ManualCompletion]) -> dict[UUID, CompletionOutcome]:
        return await self._store.complete_deliveries_and_consume_credits(list(batch.values()))
