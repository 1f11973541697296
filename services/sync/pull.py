"""One run of a sync session: requests page data from Meta and stores it with the position.

What a response brought and how far it led are stored in one transaction, fenced by the lease.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from services.chassis.loops import Stopping
from services.chassis.outbound.client import OutboundError
from services.chassis.telemetry import log
from services.sync.backoff import MESSAGES_FAILURES_MAX, next_run_seconds
from services.sync.clock import Clock
from services.sync.graph import Graph, GraphResponse
from services.sync.graph_errors import GraphError, error_of
from services.sync.graph_lists import parse_list, parse_messages
from services.sync.meta_values import UnreadableError
from services.sync.pending_messages import pending_messages_of
from services.sync.position import (
    DONE,
    GraphRequest,
    Position,
    from_json,
    halve_limit,
    next_request,
    restore_limit,
    resume,
)
from services.sync.pulled_batches import batch_of_list, batch_of_messages
from services.sync.records.events import Reject
from services.sync.records.pages import PageCredentials
from services.sync.records.pulls import PullBudget, PulledBatch, PullerPolicy, RunEnd, SyncRun
from services.sync.redaction import redacted_excerpt
from services.sync.run_ends import (
    LIMITED,
    completed,
    failed,
    failed_or_retried,
    paused,
    without_token,
)
from services.sync.store.pages import PageStore
from services.sync.store.sessions import SessionStore
from services.sync.transitions import (
    after_list_response,
    after_messages_response,
    after_refused_cursor,
    skip_thread,
)
from services.sync.usage import block_seconds

Result = TypeVar("Result")


class Pull:
    """One run's state while it works."""

    def __init__(
        self,
        run: SyncRun,
        budget: PullBudget,
        *,
        sessions: SessionStore,
        pages: PageStore,
        graph: Graph,
        clock: Clock,
        policy: PullerPolicy,
        stopping: Stopping,
    ) -> None:
        self._run = run
        self._budget = budget
        self._sessions = sessions
        self._pages = pages
        self._graph = graph
        self._clock = clock
        self._policy = policy
        self._stopping = stopping
        self._until = clock.now() + timedelta(seconds=budget.seconds)
        self._call_deadline = (
            None
            if budget.call_deadline_seconds is None
            else asyncio.get_running_loop().time() + budget.call_deadline_seconds
        )
        until_at = _until_at(run, policy)
        stored = from_json(run.position, limit=policy.list_limit, until_at=until_at)
        self._position = resume(stored)
        self._called_at: datetime | None = None
        self._calls = 0
        self._new_rows = 0
        self._made_progress = False
        self.version = run.version

    async def run(self, credentials: PageCredentials) -> RunEnd:
        """Call after call until the session, the budget or an error ends the run."""
        while True:
            if self._position.phase == DONE and not self._position.pending:
                return completed(self._position)
            if spent := self._spent():
                return paused(spent)
            if end := await self._acquire_call_slot():
                return end
            if end := await self._call(credentials):
                return end

    def failed(self, error: GraphError) -> RunEnd:
        """Continues later, a bounded number of times."""
        log.warning("pull failed", session_id=self._run.session_id, reason=error.reason)
        return failed_or_retried(error, self._failures)

    @property
    def _failures(self) -> int:
        """Runs in a row that failed before they made any progress, this one included."""
        return 1 if self._made_progress else self._run.failures + 1

    def _spent(self) -> str | None:
        """What of the budget is used up."""
        if self._stopping:
            return "stopping"
        if self._clock.now() >= self._until:
            return "time"
        if self._calls >= self._budget.calls:
            return "calls"
        return "new_rows" if self._new_rows >= self._budget.new_rows else None

    async def _acquire_call_slot(self) -> RunEnd | None:
        """Waits for the next call's slot; ends the run where that is far off."""
        slot = await self._pages.reserve_call(
            self._run.facebook_page_id, self._run.external_app_id, self._policy.pace
        )
        if slot.wait_seconds is None:
            return paused(LIMITED, error=slot.blocked_for, due_seconds=slot.blocked_seconds or 0)
        wait_seconds = max(slot.wait_seconds, self._pause_seconds())
        if self._clock.now() + timedelta(seconds=wait_seconds) > self._until:
            return paused("time")
        if wait_seconds > 0:
            await self._clock.sleep(wait_seconds)
        self._called_at = self._clock.now()
        return None

    def _pause_seconds(self) -> float:
        """What is left of the pause after the last call, which may have begun after its slot."""
        if self._called_at is None:
            return 0
        since = (self._clock.now() - self._called_at).total_seconds()
        return self._policy.pace.interval_seconds - since

    async def _call(self, credentials: PageCredentials) -> RunEnd | None:
        request = next_request(self._position)
        try:
            async with asyncio.timeout_at(self._call_deadline):
                response = await self._graph.fetch(credentials, request)
        except TimeoutError:
            return paused("time")
        except OutboundError as error:
            reason = type(error).__name__
            return await self._failed(request, GraphError(action="retry", reason=reason))
        if not request.verifies_cursor:
            # Verifying a cursor makes no progress: a run must not end after nothing else.
            self._calls += 1
        if response.status != 200:
            sent_cursor = request.after is not None
            refused = error_of(response.status, response.body, sent_cursor=sent_cursor)
            return await self._after_error(request, refused, response)
        if response.truncated:
            too_long = GraphError(action="reduce", reason="the response is too long")
            return await self._after_error(request, too_long, response)
        return await self._after_response(request, response)

    async def _after_response(
        self, request: GraphRequest, response: GraphResponse
    ) -> RunEnd | None:
        try:
            position, batch = await self._read(request, response)
        except UnreadableError as error:
            raw = redacted_excerpt(response.body)
            unreadable = Reject(kind="page", reason=str(error), raw=raw)
            await self._save(self._position, PulledBatch(rejects=(unreadable,)))
            retry = GraphError(action="retry", reason=str(error))
            return await self._failed(request, retry, answered=True)
        await self._save(restore_limit(position), batch)
        self._made_progress = self._made_progress or not request.verifies_cursor
        await self._report_usage(response)
        return None

    async def _read(
        self, request: GraphRequest, response: GraphResponse
    ) -> tuple[Position, PulledBatch]:
        """Where the response leads, and what it brought."""
        page_id = self._run.facebook_page_id
        if request.kind == "messages":
            pending = self._position.pending[0]
            messages = parse_messages(response.body, page_id, pending.updated_at)
            position = after_messages_response(self._position, messages)
            return position, batch_of_messages(pending, messages)
        listed = parse_list(response.body, page_id, ids_only=request.kind == "ids")
        times = {each.thread_id: each.updated_at for each in listed.entries}
        read = await self._sessions.list_threads_read(self._run, list(times))
        read_ats = {each.thread_id: each.updated_at for each in read.values()}
        position = after_list_response(self._position, request, listed, read_ats)
        if request.kind == "ids":
            return position, PulledBatch()
        complete = {
            each.thread_id
            for each in read.values()
            if not each.has_pending_messages and each.updated_at >= times[each.thread_id]
        }
        pending_messages = pending_messages_of(listed, complete | set(position.skipped))
        return replace(position, pending=pending_messages), batch_of_list(listed)

    async def _save(self, position: Position, batch: PulledBatch) -> None:
        """Stores both. A cancellation meanwhile leaves no doubt whether they were stored."""
        saving = self._sessions.save_sync_page(self._run, self.version, position, batch)

        async def saved() -> None:
            checkpoint = await saving
            self.version = checkpoint.version
            self._position = position
            self._new_rows += checkpoint.conversations_new + checkpoint.messages_new

        await complete_despite_cancellation(saved())

    async def _report_usage(self, response: GraphResponse, error: GraphError | None = None) -> None:
        """Stores what the response says of limits, and blocks calls before Meta does."""
        page_seconds, app_seconds = block_seconds(
            response.usage,
            error,
            stop_percent=self._policy.pace.stop_percent,
            knows_app=bool(self._run.external_app_id),
        )
        await self._pages.report_usage(
            self._run.facebook_page_id,
            self._run.external_app_id,
            response.usage,
            page_block_seconds=page_seconds,
            app_block_seconds=app_seconds,
            blocked_for=error.reason if error else "usage",
        )

    async def _after_error(
        self, request: GraphRequest, error: GraphError, response: GraphResponse
    ) -> RunEnd | None:
        """Continues with another request, or returns how the run ends."""
        await self._report_usage(response, error)
        match error.action:
            case "pause_page" | "pause_app":
                # The next call's slot says until when.
                return None
            case "cursor":
                await self._save(after_refused_cursor(self._position), PulledBatch())
                return None
            case "reduce":
                halved = halve_limit(self._position)
                if halved is None:
                    return await self._failed(request, error, answered=True)
                await self._save(halved, PulledBatch())
                return None
            case "reauth":
                return without_token("dead", error)
            case "forbidden":
                return without_token("forbidden", error)
            case "fail" if request.kind == "messages":
                await self._skip_thread(error, retry_later=False)
                return None
            case "fail":
                return failed(error)
            case _:
                return await self._failed(request, error, answered=True)

    async def _failed(
        self, request: GraphRequest, error: GraphError, *, answered: bool = False
    ) -> RunEnd | None:
        """Continues later; a thread whose messages keep failing is skipped after a few tries."""
        failures_max = MESSAGES_FAILURES_MAX if answered else None
        is_last = next_run_seconds(self._failures, failures_max) is None
        if request.kind == "messages" and is_last:
            await self._skip_thread(error, retry_later=True)
            return None
        return self.failed(error)

    async def _skip_thread(self, error: GraphError, *, retry_later: bool) -> None:
        """Continues without the thread's pending messages, and stores why."""
        thread = {"id": self._position.pending[0].thread_id}
        reject = Reject(kind="conversation", reason=error.reason, raw=thread)
        position = skip_thread(self._position, retry_later=retry_later)
        await self._save(position, PulledBatch(rejects=(reject,)))
        self._made_progress = True


def _until_at(run: SyncRun, policy: PullerPolicy) -> datetime | None:
    if run.mode != "incremental" or run.watermark_at is None:
        return None
    return run.watermark_at - timedelta(seconds=policy.overlap_seconds)


async def complete_despite_cancellation(work: Awaitable[Result]) -> Result:
    """Its result; a cancellation waits until the work has ended, and rises then."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
