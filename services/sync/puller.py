"""The pull: asks Meta page by page and stores what comes with how far it came.

One run works under a lease and within a budget. Where Meta's limits ask for a longer wait, the run
ends and gives the lease back; it never sleeps holding it.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from services.chassis.loops import Stopping
from services.chassis.outbound import OutboundError
from services.chassis.sealing import KeyRing, SealBroken
from services.chassis.telemetry import log
from services.sync.backoff import retry_seconds
from services.sync.clock import Clock
from services.sync.graph import Graph, GraphAnswer, Target
from services.sync.graph_errors import GraphError, error_of
from services.sync.interactions import UnreadableError
from services.sync.listing import parse_list, parse_messages
from services.sync.page_tokens_at_rest import unseal_token
from services.sync.position import (
    DONE,
    Ask,
    Position,
    after_list,
    after_messages,
    from_json,
    next_ask,
    rejected,
    smaller,
)
from services.sync.rows import Rows, owed_messages, rows_of_list, rows_of_messages
from services.sync.store.pages import Pace, PageStore
from services.sync.store.sessions import Run, RunEnd, SessionStore

FINISHED: Final = "finished"
LIMITED: Final = "limited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one run may use: seconds, calls, and rows that are new."""

    seconds: float
    calls: int
    new_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PullerPolicy:
    """Bounds: conversations per call, how far an incremental sync overlaps, the pace of calls."""

    list_limit: int = 100
    overlap_seconds: float = 600
    pace: Pace = field(default_factory=Pace)


class Puller:
    """Runs sessions."""

    def __init__(
        self,
        sessions: SessionStore,
        pages: PageStore,
        graph: Graph,
        ring: KeyRing,
        clock: Clock,
        policy: PullerPolicy | None = None,
        *,
        stopping: Stopping | None = None,
    ) -> None:
        self._sessions = sessions
        self._pages = pages
        self._graph = graph
        self._ring = ring
        self._clock = clock
        self._policy = policy or PullerPolicy()
        self._stopping = stopping or Stopping()

    async def run(self, run: Run, budget: Budget) -> RunEnd:
        """Works on the session until it or the budget ends; answers how it ended.

        Raises SYNC_LEASE_LOST when another has taken over; nothing was stored since.
        """
        pull = _Pull(self, run, budget)
        try:
            end = await pull.work()
        except asyncio.CancelledError:
            # The caller is gone; the page need not wait for the lease to end.
            gone = RunEnd(status="paused", outcome="cancelled", due_at=self._clock.now())
            await asyncio.shield(self._sessions.end_sync_run(run, pull.version, gone))
            raise
        except SealBroken:
            end = RunEnd(
                status="failed", outcome="failed", error="token unreadable", token_status="dead"
            )
        await self._sessions.end_sync_run(run, pull.version, end)
        return end


class _Pull:
    """One run's state while it works."""

    def __init__(self, puller: Puller, run: Run, budget: Budget) -> None:
        self._sessions = puller._sessions
        self._pages = puller._pages
        self._graph = puller._graph
        self._ring = puller._ring
        self._clock = puller._clock
        self._policy = puller._policy
        self._stopping = puller._stopping
        self._run = run
        self._budget = budget
        self._until = puller._clock.now() + timedelta(seconds=budget.seconds)
        self._position = from_json(
            run.position, limit=puller._policy.list_limit, until_at=_until_at(run, puller._policy)
        )
        self._resumed = True
        self._calls = 0
        self._new_rows = 0
        self.version = run.version

    async def work(self) -> RunEnd:
        """Step by step until something ends it."""
        target = self._target()
        while True:
            if self._position.phase == DONE and not self._position.inner:
                return self._done()
            if spent := self._spent():
                return RunEnd(status="paused", outcome=spent, due_at=self._clock.now())
            if end := await self._turn():
                return end
            if end := await self._step(target):
                return end

    def _target(self) -> Target:
        run = self._run
        if run.access_token_ciphertext is None:
            raise SealBroken("the page has no token")
        token = unseal_token(
            self._ring,
            run.access_token_ciphertext,
            org_id=run.org_id,
            platform=run.platform,
            facebook_page_id=run.facebook_page_id,
        )
        return Target(platform=run.platform, facebook_page_id=run.facebook_page_id, token=token)

    def _done(self) -> RunEnd:
        position = self._position
        return RunEnd(
            status="completed",
            outcome=FINISHED,
            error="Meta's cursors led nowhere" if position.gave_up else None,
            completeness=position.completeness,
            watermark_at=position.watermark_at,
            token_status="good",
        )

    def _spent(self) -> str | None:
        """What of the budget is used up."""
        if self._stopping:
            return "stopping"
        if self._clock.now() >= self._until:
            return "time"
        if self._calls >= self._budget.calls:
            return "calls"
        return "new_rows" if self._new_rows >= self._budget.new_rows else None

    async def _turn(self) -> RunEnd | None:
        """Waits for the call's turn; ends the run where that is far off."""
        slot = await self._pages.reserve_call(
            self._run.facebook_page_id, self._run.external_app_id, self._policy.pace
        )
        if slot.call_at is None:
            return _limited(slot.blocked_until, slot.blocked_for)
        wait = (slot.call_at - self._clock.now()).total_seconds()
        if wait > 0:
            await self._clock.sleep(wait)
        return None

    async def _step(self, target: Target) -> RunEnd | None:
        ask = next_ask(self._position, resumed=self._resumed)
        try:
            answer = await self._graph.ask(target, ask)
        except OutboundError as error:
            return self._failed(GraphError(action="retry", reason=type(error).__name__))
        self._calls += 1
        if answer.status != 200:
            return await self._after_error(
                error_of(answer.status, answer.body, sent_cursor=ask.after is not None), answer
            )
        if answer.truncated:
            return await self._after_error(
                GraphError(action="reduce", reason="the answer is too long"), answer
            )
        try:
            position, rows = self._read(ask, answer)
        except UnreadableError as error:
            return self._failed(GraphError(action="retry", reason=str(error)))
        await self._save(position, rows)
        await self._report(answer)
        return None

    def _read(self, ask: Ask, answer: GraphAnswer) -> tuple[Position, Rows]:
        """Where the answer leads, and what it brought."""
        page_id = self._run.facebook_page_id
        if ask.kind == "messages":
            inner = self._position.inner[0]
            messages = parse_messages(answer.body, page_id, inner.updated_at)
            return after_messages(self._position, messages), rows_of_messages(inner, messages)
        page = parse_list(answer.body, page_id)
        moved = after_list(self._position, ask, page, resumed=self._resumed)
        self._resumed = False
        if ask.kind == "seek":
            return moved, Rows()
        return replace(moved, inner=owed_messages(page)), rows_of_list(page)

    async def _save(self, position: Position, rows: Rows) -> None:
        saved = await self._sessions.save_sync_page(self._run, self.version, position, rows)
        self.version = saved.version
        self._position = position
        self._new_rows += saved.conversations_new + saved.messages_new

    async def _report(self, answer: GraphAnswer, error: GraphError | None = None) -> None:
        """Keeps what the answer says of limits; at the stop mark calls stop before Meta says so."""
        usage, pace = answer.usage, self._policy.pace
        page_stop = (usage.page_percent or 0) >= pace.stop_percent
        app_stop = (usage.app_percent or 0) >= pace.stop_percent
        seconds = max(usage.regain_seconds, error.seconds if error else 0)
        action = error.action if error else None
        pauses_page = page_stop or action == "pause_page"
        pauses_app = app_stop or action == "pause_app"
        await self._pages.report_usage(
            self._run.facebook_page_id,
            self._run.external_app_id,
            usage,
            page_block_seconds=max(seconds, _STOP_SECONDS) if pauses_page else 0,
            app_block_seconds=max(seconds, _STOP_SECONDS) if pauses_app else 0,
            blocked_for=error.reason if error else "usage",
        )

    async def _after_error(self, error: GraphError, answer: GraphAnswer) -> RunEnd | None:
        """Goes on with another question, or says how the run ends."""
        await self._report(answer, error)
        match error.action:
            case "pause_page" | "pause_app":
                # The next turn says until when.
                return None
            case "cursor":
                await self._save(rejected(self._position), Rows())
                self._resumed = False
                return None
            case "reduce":
                less = smaller(self._position)
                if less is None:
                    return self._failed(error)
                await self._save(less, Rows())
                return None
            case "reauth":
                return self._without_token("dead", error)
            case "forbidden":
                return self._without_token("forbidden", error)
            case "fail":
                return RunEnd(status="failed", outcome="failed", error=error.reason)
            case _:
                return self._failed(error)

    def _failed(self, error: GraphError) -> RunEnd:
        """Tries again later, a bounded number of times."""
        log.warning("pull failed", session_id=self._run.session_id, reason=error.reason)
        failures = self._run.failures + 1 if self.version == self._run.version else 1
        seconds = retry_seconds(failures)
        if seconds is None:
            return RunEnd(status="failed", outcome="failed", error=error.reason, failures=failures)
        due_at = self._clock.now() + timedelta(seconds=seconds)
        return RunEnd(
            status="paused", outcome="error", error=error.reason, failures=failures, due_at=due_at
        )

    def _without_token(self, token_status: str, error: GraphError) -> RunEnd:
        """Waits for the page to be connected again; nothing of the session is lost."""
        return RunEnd(
            status="paused", outcome="token", error=error.reason, token_status=token_status
        )


# Where Meta names no time: long enough for a rolling hour's percentage to fall.
_STOP_SECONDS: Final = 300.0


def _limited(blocked_until: datetime | None, blocked_for: str | None) -> RunEnd:
    return RunEnd(status="paused", outcome=LIMITED, error=blocked_for, due_at=blocked_until)


def _until_at(run: Run, policy: PullerPolicy) -> datetime | None:
    if run.mode != "incremental" or run.watermark_at is None:
        return None
    return run.watermark_at - timedelta(seconds=policy.overlap_seconds)
