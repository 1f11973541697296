"""The pull: asks Meta page by page and stores what comes with how far it came.

One run works under a lease and within a budget. Where Meta's limits ask for a longer wait, the run
ends and gives the lease back; it never sleeps holding it.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from services.chassis.database import is_outage
from services.chassis.errors import DomainError
from services.chassis.loops import Stopping
from services.chassis.outbound.client import OutboundError
from services.chassis.sealing import KeyRing, SealBroken
from services.chassis.telemetry import log
from services.sync.backoff import MESSAGES_FAILURES_MAX, retry_seconds
from services.sync.clock import Clock
from services.sync.graph import Graph, GraphAnswer, Target
from services.sync.graph_errors import GraphError, error_of
from services.sync.interactions import Reject, UnreadableError
from services.sync.kept import excerpt
from services.sync.listing import parse_list, parse_messages
from services.sync.owed import owed_messages
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
    restored,
    smaller,
    taken_up,
    without_messages,
)
from services.sync.rows import Rows, rows_of_list, rows_of_messages
from services.sync.store.pages import Pace, PageStore
from services.sync.store.sessions import Run, RunEnd, SessionStore

FINISHED: Final = "finished"
LIMITED: Final = "limited"
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one run may use: seconds in which calls begin, calls, and rows that are new.

    `cut_seconds`: a call that has no answer by then is given up, as the caller waits no longer.
    """

    seconds: float
    calls: int
    new_rows: int
    cut_seconds: float | None = None


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
            await self._give_back(run, pull.version)
            raise
        except SealBroken:
            end = RunEnd(
                status="failed", outcome="failed", error="token unreadable", token_status="dead"
            )
        except Exception as error:
            if isinstance(error, DomainError) or is_outage(error):
                raise
            # What one page brings ends its session after a bounded number of tries, and not the
            # process, which works for every page.
            log.error("pull broke", session_id=run.session_id, exc_info=True)
            end = pull.failed(GraphError(action="retry", reason=type(error).__name__))
        return await self._sessions.end_sync_run(run, pull.version, end)

    async def _give_back(self, run: Run, version: int) -> None:
        """The caller is gone; the page need not wait for the lease to end."""
        gone = RunEnd(status="paused", outcome="cancelled", due_seconds=0)
        try:
            await _to_its_end(self._sessions.end_sync_run(run, version, gone))
        except DomainError:
            log.warning("lease lost", session_id=run.session_id)


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
        self._cut_at = (
            None
            if budget.cut_seconds is None
            else asyncio.get_running_loop().time() + budget.cut_seconds
        )
        limit, until_at = puller._policy.list_limit, _until_at(run, puller._policy)
        self._position = taken_up(from_json(run.position, limit=limit, until_at=until_at))
        self._called_at: datetime | None = None
        self._calls = 0
        self._new_rows = 0
        self._came_further = False
        self.version = run.version

    async def work(self) -> RunEnd:
        """Step by step until something ends it."""
        target = self._target()
        while True:
            if self._position.phase == DONE and not self._position.inner:
                return self._done()
            if spent := self._spent():
                return _paused(spent)
            if end := await self._turn():
                return end
            if end := await self._step(target):
                return end

    def failed(self, error: GraphError) -> RunEnd:
        """Tries again later, a bounded number of times."""
        log.warning("pull failed", session_id=self._run.session_id, reason=error.reason)
        failures = self._failures
        seconds = retry_seconds(failures)
        if seconds is None:
            return RunEnd(status="failed", outcome="failed", error=error.reason, failures=failures)
        return RunEnd(
            status="paused",
            outcome="error",
            error=error.reason,
            failures=failures,
            due_seconds=seconds,
        )

    @property
    def _failures(self) -> int:
        """Runs in a row that failed before they came any further, this one included."""
        return 1 if self._came_further else self._run.failures + 1

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
        if slot.wait_seconds is None:
            return _paused(LIMITED, error=slot.blocked_for, due_seconds=slot.blocked_seconds or 0)
        wait_seconds = max(slot.wait_seconds, self._pause_seconds())
        if self._clock.now() + timedelta(seconds=wait_seconds) > self._until:
            return _paused("time")
        if wait_seconds > 0:
            await self._clock.sleep(wait_seconds)
        self._called_at = self._clock.now()
        return None

    def _pause_seconds(self) -> float:
        """What is left of the pause since the last call, which may have begun after its turn."""
        if self._called_at is None:
            return 0
        since = (self._clock.now() - self._called_at).total_seconds()
        return self._policy.pace.interval_seconds - since

    async def _step(self, target: Target) -> RunEnd | None:
        ask = next_ask(self._position)
        try:
            async with asyncio.timeout_at(self._cut_at):
                answer = await self._graph.ask(target, ask)
        except TimeoutError:
            return _paused("time")
        except OutboundError as error:
            return await self._failed(ask, GraphError(action="retry", reason=type(error).__name__))
        if not ask.is_proof:
            # What proves a cursor of an earlier run leads no further: with it alone no run ends.
            self._calls += 1
        if answer.status != 200:
            return await self._after_error(
                ask, error_of(answer.status, answer.body, sent_cursor=ask.after is not None), answer
            )
        if answer.truncated:
            return await self._after_error(
                ask, GraphError(action="reduce", reason="the answer is too long"), answer
            )
        try:
            position, rows = await self._read(ask, answer)
        except UnreadableError as error:
            unreadable = Reject(kind="page", reason=str(error), raw=excerpt(answer.body))
            await self._save(self._position, Rows(rejects=(unreadable,)))
            unread = GraphError(action="retry", reason=str(error))
            return await self._failed(ask, unread, answered=True)
        await self._save(restored(position), rows)
        self._came_further = self._came_further or not ask.is_proof
        await self._report(answer)
        return None

    async def _read(self, ask: Ask, answer: GraphAnswer) -> tuple[Position, Rows]:
        """Where the answer leads, and what it brought."""
        page_id = self._run.facebook_page_id
        if ask.kind == "messages":
            inner = self._position.inner[0]
            messages = parse_messages(answer.body, page_id, inner.updated_at)
            return after_messages(self._position, messages), rows_of_messages(inner, messages)
        page = parse_list(answer.body, page_id, ids_only=ask.kind == "ids")
        times = {each.thread_id: each.updated_at for each in page.entries}
        read = await self._sessions.list_threads_read(self._run, list(times))
        read_ats = {each.thread_id: each.updated_at for each in read.values()}
        moved = after_list(self._position, ask, page, read_ats)
        if ask.kind == "ids":
            return moved, Rows()
        complete = {
            each.thread_id
            for each in read.values()
            if not each.owes_messages and each.updated_at >= times[each.thread_id]
        }
        owed = owed_messages(page, complete | set(moved.settled))
        return replace(moved, inner=owed), rows_of_list(page)

    async def _save(self, position: Position, rows: Rows) -> None:
        """Stores both. A caller who goes away meanwhile does not leave in doubt whether it was."""
        saving = self._sessions.save_sync_page(self._run, self.version, position, rows)

        async def saved() -> None:
            stored = await saving
            self.version = stored.version
            self._position = position
            self._new_rows += stored.conversations_new + stored.messages_new

        await _to_its_end(saved())

    async def _report(self, answer: GraphAnswer, error: GraphError | None = None) -> None:
        """Keeps what the answer says of limits; at the stop mark calls stop before Meta says so."""
        usage, pace = answer.usage, self._policy.pace
        knows_app = bool(self._run.external_app_id)
        page_stop = (usage.page_percent or 0) >= pace.stop_percent
        app_stop = (usage.app_percent or 0) >= pace.stop_percent
        seconds = max(usage.regain_seconds, error.seconds if error else 0)
        action = error.action if error else None
        pauses_app = app_stop or action == "pause_app"
        # Where the app is not known, nothing can be told of it: its limit stops the page at least.
        pauses_page = page_stop or action == "pause_page" or (pauses_app and not knows_app)
        await self._pages.report_usage(
            self._run.facebook_page_id,
            self._run.external_app_id,
            usage,
            page_block_seconds=max(seconds, _STOP_SECONDS) if pauses_page else 0,
            app_block_seconds=max(seconds, _STOP_SECONDS) if pauses_app else 0,
            blocked_for=error.reason if error else "usage",
        )

    async def _after_error(self, ask: Ask, error: GraphError, answer: GraphAnswer) -> RunEnd | None:
        """Goes on with another question, or says how the run ends."""
        await self._report(answer, error)
        match error.action:
            case "pause_page" | "pause_app":
                # The next turn says until when.
                return None
            case "cursor":
                await self._save(rejected(self._position), Rows())
                return None
            case "reduce":
                less = smaller(self._position)
                if less is None:
                    return await self._failed(ask, error, answered=True)
                await self._save(less, Rows())
                return None
            case "reauth":
                return _without_token("dead", error)
            case "forbidden":
                return _without_token("forbidden", error)
            case "fail" if ask.kind == "messages":
                await self._leave(error, again=False)
                return None
            case "fail":
                return RunEnd(status="failed", outcome="failed", error=error.reason)
            case _:
                return await self._failed(ask, error, answered=True)

    async def _failed(
        self, ask: Ask, error: GraphError, *, answered: bool = False
    ) -> RunEnd | None:
        """Tries again later; what one conversation cannot answer holds up no other for long."""
        failures_max = MESSAGES_FAILURES_MAX if answered else None
        is_last = retry_seconds(self._failures, failures_max) is None
        if ask.kind == "messages" and is_last:
            await self._leave(error, again=True)
            return None
        return self.failed(error)

    async def _leave(self, error: GraphError, *, again: bool) -> None:
        """Goes on without the messages of the conversation, and says so."""
        thread = {"id": self._position.inner[0].thread_id}
        reject = Reject(kind="conversation", reason=error.reason, raw=thread)
        await self._save(without_messages(self._position, again=again), Rows(rejects=(reject,)))
        self._came_further = True


# Where Meta names no time: long enough for a rolling hour's percentage to fall.
_STOP_SECONDS: Final = 300.0


def _paused(outcome: str, *, error: str | None = None, due_seconds: float = 0) -> RunEnd:
    return RunEnd(status="paused", outcome=outcome, error=error, due_seconds=due_seconds)


def _without_token(token_status: str, error: GraphError) -> RunEnd:
    """Waits for the page to be connected again; nothing of the session is lost."""
    return RunEnd(status="paused", outcome="token", error=error.reason, token_status=token_status)


def _until_at(run: Run, policy: PullerPolicy) -> datetime | None:
    if run.mode != "incremental" or run.watermark_at is None:
        return None
    return run.watermark_at - timedelta(seconds=policy.overlap_seconds)


async def _to_its_end(work: Awaitable[Answer]) -> Answer:
    """Its answer; a cancellation waits until it has ended, and goes on then."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
