"""RPCs about sync sessions, their leases, counts and rejects."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from services.chassis.errors import DomainError
from services.chassis.fields import parse_uuid
from services.chassis.ids import new_id
from services.chassis.loops import Wake
from services.chassis.rpc.auth import caller
from services.chassis.rpc.gate import time_left
from services.chassis.rpc.pagination import parse_page_from
from services.chassis.timestamps import to_optional_timestamp
from services.chassis.trace import current
from services.sync.edge.answers import to_counts, to_lock, to_reject, to_statistics, to_sync
from services.sync.edge.parsing import parse_background, parse_sync, parse_time_and_id
from services.sync.puller import Puller
from services.sync.records.pulls import PullBudget, RunEnd, SyncRun
from services.sync.refusals import page_token_dead, session_not_found, sync_paused
from services.sync.run_ends import LIMITED
from services.sync.store.locks import LockStore
from services.sync.store.sessions import SessionStore
from waybill.sync.v1 import sync_service_pb2 as pb

_ROWS_MAX: Final = 500
# Left of a call's deadline for storing the last response and answering.
_ANSWER_SECONDS: Final = 2.0
# With less time left, a call of Meta would most likely be given up, so none begins.
_CALL_SECONDS: Final = 3.0


class SyncHandlers:
    """Sessions: SyncConversations pulls while its caller waits, StartSync in the background."""

    def __init__(
        self,
        sessions: SessionStore,
        locks: LockStore,
        puller: Puller,
        budget: PullBudget,
        *,
        background: Wake,
    ) -> None:
        self._sessions = sessions
        self._locks = locks
        self._puller = puller
        self._budget = budget
        self._background = background

    async def SyncConversations(
        self, request: pb.SyncConversationsRequest, context: Any
    ) -> pb.SyncConversationsResponse:
        sync, org_id = parse_sync(request), caller().org
        with _with_retry_info():
            run = await self._sessions.start_sync(
                org_id,
                page_id=sync.page_id,
                facebook_page_id=sync.facebook_page_id,
                resume_session=sync.resume_session,
                session_id=new_id(),
                token=new_id(),
                traceparent=current().traceparent,
            )
        end = await self._puller.run(run, budget_within(self._budget, time_left()))
        session = await self._sessions.get_sync(org_id, run.session_id)
        assert session is not None
        _refuse_useless(run, end)
        has_more = end.status == "paused"
        retries = end.outcome in (LIMITED, "error")
        return pb.SyncConversationsResponse(
            has_more=has_more,
            resume_session=str(run.session_id) if has_more else "",
            session_id=str(run.session_id),
            counts=to_counts(session),
            completeness=end.completeness or "",
            ended_by=end.outcome,
            retry_time=to_optional_timestamp(end.due_at if retries else None),
        )

    async def StartSync(self, request: pb.StartSyncRequest, context: Any) -> pb.StartSyncResponse:
        page_id, mode = parse_background(request)
        org_id, session_id = caller().org, new_id()
        with _with_retry_info():
            await self._sessions.schedule_sync(
                org_id,
                page_id=page_id,
                session_id=session_id,
                mode=mode,
                traceparent=current().traceparent,
            )
        self._background.set()
        session = await self._sessions.get_sync(org_id, session_id)
        return pb.StartSyncResponse(sync=to_sync(session) if session else None)

    async def GetSync(self, request: pb.GetSyncRequest, context: Any) -> pb.GetSyncResponse:
        session_id = parse_uuid(request.session_id, "session_id")
        session = await self._sessions.get_sync(caller().org, session_id)
        if session is None:
            raise session_not_found(session_id)
        return pb.GetSyncResponse(sync=to_sync(session))

    async def ListActiveSyncs(
        self, request: pb.ListActiveSyncsRequest, context: Any
    ) -> pb.ListActiveSyncsResponse:
        sessions = await self._sessions.list_active_syncs(caller().org, _ROWS_MAX)
        return pb.ListActiveSyncsResponse(syncs=map(to_sync, sessions))

    async def ListSyncLocks(
        self, request: pb.ListSyncLocksRequest, context: Any
    ) -> pb.ListSyncLocksResponse:
        locks = await self._locks.list_sync_locks(caller().org, _ROWS_MAX)
        return pb.ListSyncLocksResponse(locks=map(to_lock, locks))

    async def ListSyncStatistics(
        self, request: pb.ListSyncStatisticsRequest, context: Any
    ) -> pb.ListSyncStatisticsResponse:
        statistics = await self._sessions.list_sync_statistics(caller().org, _ROWS_MAX)
        return pb.ListSyncStatisticsResponse(statistics=map(to_statistics, statistics))

    async def ListSyncRejects(
        self, request: pb.ListSyncRejectsRequest, context: Any
    ) -> pb.ListSyncRejectsResponse:
        pagination = parse_page_from(request, parse_time_and_id, "rejects")
        rows = await self._sessions.list_sync_rejects(
            caller().org, pagination.rows_to_read, pagination.start
        )
        rejects, token = pagination.split(
            rows, lambda each: (each.created_at.isoformat(), str(each.reject_id))
        )
        return pb.ListSyncRejectsResponse(rejects=map(to_reject, rejects), next_page_token=token)


@contextmanager
def _with_retry_info() -> Iterator[None]:
    """Adds to a refused start when to try again."""
    try:
        yield
    except DomainError as error:
        retry_at = error.metadata.get("retry_at")
        if error.reason == "SYNC_IN_PROGRESS" and retry_at:
            wait = datetime.fromisoformat(retry_at) - datetime.now(UTC)
            error.retry_after_seconds = max(wait.total_seconds(), 1)
        raise


def budget_within(budget: PullBudget, left_seconds: float | None) -> PullBudget:
    """The budget within the caller's deadline, so that the caller learns how to continue."""
    if left_seconds is None:
        return budget
    call_deadline_seconds = max(left_seconds - _ANSWER_SECONDS, 0.5)
    seconds = min(budget.seconds, max(call_deadline_seconds - _CALL_SECONDS, 0.5))
    return replace(budget, seconds=seconds, call_deadline_seconds=call_deadline_seconds)


def _refuse_useless(run: SyncRun, end: RunEnd) -> None:
    """Raises where the run could do nothing at all."""
    if end.token_status in ("dead", "forbidden"):
        raise page_token_dead(run, end)
    if end.status == "failed":
        raise sync_paused(run, end)
