"""The dispatcher's bookkeeping, without a database and without buyers."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.loops import Stopping
from services.delivery.dispatcher import Dispatcher, DispatcherPolicy
from services.delivery.records import Claim, Report
from services.delivery.store.claims import ClaimTerms
from tests.unit.delivery.builders import a_claim

TERMS = ClaimTerms(
    worker="tester",
    lease_seconds=60,
    hold_seconds=3600,
    attempts_max=8,
    deliveries_max=4,
    workspace_deliveries_max=4,
)


class AnsweredMeanwhile:
    """A store with three deliveries, which are answered while the second claim is on its way."""

    terms = TERMS

    def __init__(self) -> None:
        self.due_froms: list[datetime | None] = []
        self.answered = asyncio.Event()
        self.dispatcher: Dispatcher | None = None

    async def claim_deliveries(
        self, *, token: UUID, limit: int, busy: Mapping[UUID, int], due_from: datetime | None
    ) -> list[Claim]:
        """Three, then none: as many are under way as the claim counts."""
        self.due_froms.append(due_from)
        if len(self.due_froms) == 1:
            return [a_claim(token=token, targets=()) for _ in range(3)]
        if len(self.due_froms) == 2:
            assert sum(busy.values()) == 3
            assert self.dispatcher is not None
            self.answered.set()
            await self.dispatcher.wake.wait(5)
        return []

    async def finish_deliveries(self, reports: Sequence[Report]) -> dict[UUID, str]:
        """Waits until the claim is on its way."""
        await self.answered.wait()
        return {report.claim.delivery_id: "finished" for report in reports}


async def test_what_a_claim_skipped_is_looked_for_again_though_there_is_room_by_then() -> None:
    store = AnsweredMeanwhile()
    untyped: Any = store
    client: Any = object()
    async with Dispatcher(untyped, client, Stopping(), DispatcherPolicy()) as dispatcher:
        store.dispatcher = dispatcher
        assert [await dispatcher.step() for _ in range(3)] == [3, 0, 0]
    # A bound would leave what is due to the next sweep, and younger ones would go first.
    assert store.due_froms == [None, None, None]
