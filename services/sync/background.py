"""Runs background sessions, several at a time."""

import asyncio

from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.loops import Stopping, Wake, loop
from services.chassis.telemetry import Work, log, work
from services.chassis.trace import Start, new_root
from services.sync.puller import Puller
from services.sync.records.pulls import PullBudget, SyncRun
from services.sync.store.sessions import SessionStore


class Background:
    """The loop of background sessions; each run has `budget`, and the next one continues."""

    def __init__(
        self, store: SessionStore, puller: Puller, budget: PullBudget, *, concurrent_max: int
    ) -> None:
        self.wake = Wake()
        self._store = store
        self._puller = puller
        self._budget = budget
        self._concurrent_max = concurrent_max

    async def run(self, stopping: Stopping, *, poll_seconds: float) -> None:
        """Works until the process stops."""
        async with asyncio.TaskGroup() as lanes:
            for wake in (self.wake, *(Wake() for _ in range(1, self._concurrent_max))):
                lanes.create_task(loop(self.step, wake, stopping, poll_seconds=poll_seconds))

    async def step(self) -> int:
        """One run of the session that has been due longest; returns 0 where none is due."""
        attempt = new_root()
        run = await self._store.claim_sync_session(new_id(), attempt.trace_id)
        if run is None:
            return 0
        # The span is in the trace that the run's row names, which was made before the claim.
        start = Start(parent=attempt, links=(run.trace,))
        with work("attempt", "pull conversations", start=start) as unit:
            await self._pull(run, unit)
        return 1

    async def _pull(self, run: SyncRun, unit: Work) -> None:
        unit.note(session_id=str(run.session_id), page_id=str(run.page_id), attempt=run.number)
        try:
            end = await self._puller.run(run, self._budget)
        except DomainError as error:
            if error.reason != "SYNC_LEASE_LOST":
                raise
            log.warning("lease lost", session_id=run.session_id)
            unit.outcome = "lease_lost"
            return
        unit.outcome = end.outcome
        unit.note(status=end.status, error=end.error)
