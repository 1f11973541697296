"""Runs sync sessions: each run under a lease and within a budget.

Where Meta's limits ask for a longer wait, the run ends and releases the lease; it never sleeps
while it holds one.
"""

import asyncio

from services.chassis.database import is_outage
from services.chassis.errors import DomainError
from services.chassis.loops import Stopping
from services.chassis.sealing import SealBroken
from services.chassis.telemetry import log
from services.sync.clock import Clock
from services.sync.graph import Graph
from services.sync.graph_errors import GraphError
from services.sync.page_tokens import PageTokens
from services.sync.pull import Pull, complete_despite_cancellation
from services.sync.records.pulls import PullBudget, PullerPolicy, RunEnd, SyncRun
from services.sync.store.pages import PageStore
from services.sync.store.sessions import SessionStore


class Puller:
    """Runs sessions."""

    def __init__(
        self,
        sessions: SessionStore,
        pages: PageStore,
        graph: Graph,
        tokens: PageTokens,
        clock: Clock,
        policy: PullerPolicy | None = None,
        *,
        stopping: Stopping | None = None,
    ) -> None:
        self._sessions = sessions
        self._pages = pages
        self._graph = graph
        self._tokens = tokens
        self._clock = clock
        self._policy = policy or PullerPolicy()
        self._stopping = stopping or Stopping()

    async def run(self, run: SyncRun, budget: PullBudget) -> RunEnd:
        """Works on the session until it or the budget ends; returns how it ended.

        Raises SYNC_LEASE_LOST when another worker holds the page; nothing was stored since.
        """
        pull = Pull(
            run,
            budget,
            sessions=self._sessions,
            pages=self._pages,
            graph=self._graph,
            clock=self._clock,
            policy=self._policy,
            stopping=self._stopping,
        )
        try:
            end = await pull.run(self._tokens.credentials(run))
        except asyncio.CancelledError:
            await self._release(run, pull.version)
            raise
        except SealBroken:
            end = RunEnd(
                status="failed", outcome="failed", error="token unreadable", token_status="dead"
            )
        except Exception as error:
            if isinstance(error, DomainError) or is_outage(error):
                raise
            # What one page brings ends its session after a bounded number of tries, but not the
            # process, which works for every page.
            log.error("pull broke", session_id=run.session_id, exc_info=True)
            end = pull.failed(GraphError(action="retry", reason=type(error).__name__))
        return await self._sessions.end_sync_run(run, pull.version, end)

    async def _release(self, run: SyncRun, version: int) -> None:
        """The caller is gone; the page need not wait for the lease to end."""
        cancelled = RunEnd(status="paused", outcome="cancelled", due_seconds=0)
        try:
            await complete_despite_cancellation(
                self._sessions.end_sync_run(run, version, cancelled)
            )
        except DomainError:
            log.warning("lease lost", session_id=run.session_id)
