"""Sync's gRPC edge: parses, calls, answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.chassis.errors import DomainError
from services.chassis.fields import parse_uuid
from services.chassis.ids import new_id
from services.chassis.loops import Wake
from services.chassis.rpc.auth import caller
from services.chassis.rpc.gate import time_left
from services.chassis.rpc.pagination import Page, parse_page, parse_page_from
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.rpc.server import Served
from services.chassis.sealing import KeyRing
from services.chassis.trace import current
from services.sync.edge.answers import (
    to_conversation,
    to_counts,
    to_event,
    to_lock,
    to_page,
    to_reject,
    to_statistics,
    to_sync,
    to_timestamp,
)
from services.sync.meta_values import hash_of
from services.sync.page_tokens_at_rest import seal_token
from services.sync.edge.parsing import (
    parse_background,
    parse_change,
    parse_conversations_of,
    parse_events,
    parse_page_to_connect,
    parse_query,
    parse_sync,
)
from services.sync.puller import LIMITED, PullBudget, Puller
from services.sync.store.conversations import (
    ConversationStore,
    ReportedPageEvent,
    ReportedTimelineEvent,
)
from services.sync.store.locks import LockStore
from services.sync.store.pages import PageStore
from services.sync.store.sessions import Run, RunEnd, SessionStore
from waybill.sync.v1 import sync_service_pb2 as pb
from waybill.sync.v1 import sync_service_pb2_grpc

_ROWS_MAX = 500
# Left of a call's deadline for storing the last page and answering.
_ANSWER_SECONDS = 2.0
# Before that no call of Meta's begins which most likely would be given up.
_CALL_SECONDS = 3.0


def sync_served(service: "SyncService") -> Served:
    """SyncService for `serving`."""
    return Served(
        descriptor=pb.DESCRIPTOR.services_by_name["SyncService"],
        add=sync_service_pb2_grpc.add_SyncServiceServicer_to_server,
        servicer=service,
    )


class SyncService(sync_service_pb2_grpc.SyncServiceServicer):
    """SyncService; `scheduled` is set when a background session was made, `connected` a page."""

    def __init__(
        self,
        *,
        pages: PageStore,
        sessions: SessionStore,
        locks: LockStore,
        conversations: ConversationStore,
        puller: Puller,
        budget: PullBudget,
        ring: KeyRing,
        scheduled: Wake,
        connected: Wake,
    ) -> None:
        self._pages = pages
        self._sessions = sessions
        self._locks = locks
        self._conversations = conversations
        self._puller = puller
        self._budget = budget
        self._ring = ring
        self._scheduled = scheduled
        self._connected = connected

    async def ConnectPage(
        self, request: pb.ConnectPageRequest, context: Any
    ) -> pb.ConnectPageResponse:
        page, org_id = parse_page_to_connect(request), caller().org
        page_id = await self._pages.connect_page(
            org_id=org_id,
            page_id=new_id(),
            platform=page.platform,
            facebook_page_id=page.facebook_page_id,
            name=page.name,
            external_app_id=page.external_app_id,
            access_token_ciphertext=seal_token(
                self._ring,
                page.access_token,
                org_id=org_id,
                platform=page.platform,
                facebook_page_id=page.facebook_page_id,
            ),
            request=parse_request_id(request),
            traceparent=current().traceparent,
        )
        self._connected.set()
        self._scheduled.set()
        (row,) = await self._pages.list_pages(org_id, 1, page_id=page_id)
        return pb.ConnectPageResponse(page=to_page(row))

    async def ListPages(self, request: pb.ListPagesRequest, context: Any) -> pb.ListPagesResponse:
        page = parse_page(request, "pages")
        rows = await self._pages.list_pages(caller().org, page.rows_to_read, page.start)
        found, token = page.split(rows, lambda row: (str(row["page_id"]),))
        return pb.ListPagesResponse(pages=[to_page(row) for row in found], next_page_token=token)

    async def SyncConversations(
        self, request: pb.SyncConversationsRequest, context: Any
    ) -> pb.SyncConversationsResponse:
        sync, org_id = parse_sync(request), caller().org
        with _saying_when():
            run = await self._sessions.start_sync(
                org_id=org_id,
                page_id=sync.page_id,
                facebook_page_id=sync.facebook_page_id,
                resume_session=sync.resume_session,
                session_id=new_id(),
                token=new_id(),
                traceparent=current().traceparent,
            )
        end = await self._puller.run(run, budget_within(self._budget, time_left()))
        row = await self._sessions.get_sync(org_id, run.session_id)
        assert row is not None
        _refuse_without_use(run, end)
        has_more = end.status == "paused"
        return pb.SyncConversationsResponse(
            has_more=has_more,
            resume_session=str(run.session_id) if has_more else "",
            session_id=str(run.session_id),
            counts=to_counts(row),
            completeness=end.completeness or "",
            ended_by=end.outcome,
            retry_time=to_timestamp(end.due_at) if end.outcome in (LIMITED, "error") else None,
        )

    async def StartSync(self, request: pb.StartSyncRequest, context: Any) -> pb.StartSyncResponse:
        page_id, mode = parse_background(request)
        org_id, session_id = caller().org, new_id()
        with _saying_when():
            await self._sessions.schedule_sync(
                org_id=org_id,
                page_id=page_id,
                session_id=session_id,
                mode=mode,
                traceparent=current().traceparent,
            )
        self._scheduled.set()
        row = await self._sessions.get_sync(org_id, session_id)
        return pb.StartSyncResponse(sync=to_sync(row) if row else None)

    async def GetSync(self, request: pb.GetSyncRequest, context: Any) -> pb.GetSyncResponse:
        session_id = parse_uuid(request.session_id, "session_id")
        row = await self._sessions.get_sync(caller().org, session_id)
        if row is None:
            raise DomainError(
                "SYNC_SESSION_NOT_FOUND",
                "There is no such sync session in this org.",
                metadata={"session_id": str(session_id)},
            )
        return pb.GetSyncResponse(sync=to_sync(row))

    async def ListActiveSyncs(
        self, request: pb.ListActiveSyncsRequest, context: Any
    ) -> pb.ListActiveSyncsResponse:
        rows = await self._sessions.list_active_syncs(caller().org, _ROWS_MAX)
        return pb.ListActiveSyncsResponse(syncs=[to_sync(row) for row in rows])

    async def ListSyncLocks(
        self, request: pb.ListSyncLocksRequest, context: Any
    ) -> pb.ListSyncLocksResponse:
        rows = await self._locks.list_sync_locks(caller().org, _ROWS_MAX)
        return pb.ListSyncLocksResponse(locks=[to_lock(row) for row in rows])

    async def ListSyncStatistics(
        self, request: pb.ListSyncStatisticsRequest, context: Any
    ) -> pb.ListSyncStatisticsResponse:
        rows = await self._sessions.list_sync_statistics(caller().org, _ROWS_MAX)
        return pb.ListSyncStatisticsResponse(statistics=[to_statistics(row) for row in rows])

    async def ListSyncRejects(
        self, request: pb.ListSyncRejectsRequest, context: Any
    ) -> pb.ListSyncRejectsResponse:
        page = parse_page_from(request, _moment_and_id, "rejects")
        rows = await self._sessions.list_sync_rejects(caller().org, page.rows_to_read, page.start)
        found, token = page.split(
            rows, lambda row: (row["created_at"].isoformat(), str(row["reject_id"]))
        )
        return pb.ListSyncRejectsResponse(
            rejects=[to_reject(row) for row in found], next_page_token=token
        )

    async def ListConversations(
        self, request: pb.ListConversationsRequest, context: Any
    ) -> pb.ListConversationsResponse:
        page_id = parse_conversations_of(request)
        page = parse_page_from(request, _moment_and_id, "conversations", page_id)
        found, token = await self._conversations_page(page, page_id=page_id)
        return pb.ListConversationsResponse(conversations=found, next_page_token=token)

    async def SearchConversations(
        self, request: pb.SearchConversationsRequest, context: Any
    ) -> pb.SearchConversationsResponse:
        query = parse_query(request)
        page = parse_page_from(request, _moment_and_id, "search", hash_of(query))
        found, token = await self._conversations_page(page, query=query)
        return pb.SearchConversationsResponse(conversations=found, next_page_token=token)

    async def _conversations_page(
        self,
        page: Page[tuple[datetime, UUID]],
        *,
        page_id: UUID | None = None,
        query: str | None = None,
    ) -> tuple[list[pb.Conversation], str]:
        rows = await self._conversations.list_conversations(
            caller().org, page.rows_to_read, page.start, page_id=page_id, query=query
        )
        found, token = page.split(
            rows, lambda row: (row["active_at"].isoformat(), str(row["conversation_id"]))
        )
        return [to_conversation(row) for row in found], token

    async def GetConversation(
        self, request: pb.GetConversationRequest, context: Any
    ) -> pb.GetConversationResponse:
        conversation_id = parse_uuid(request.conversation_id, "conversation_id")
        page = parse_page_from(request, _moment_and_id, "events", conversation_id)
        conversation = await self._conversation(caller().org, conversation_id)
        rows = await self._conversations.list_conversation_events(
            caller().org, conversation_id, page.rows_to_read, page.start
        )
        events, token = page.split(
            rows, lambda row: (row["occurred_at"].isoformat(), str(row["event_id"]))
        )
        return pb.GetConversationResponse(
            conversation=conversation,
            events=[to_event(row) for row in events],
            next_page_token=token,
        )

    async def UpdateConversation(
        self, request: pb.UpdateConversationRequest, context: Any
    ) -> pb.UpdateConversationResponse:
        change, org_id = parse_change(request), caller().org
        await self._conversations.update_conversation(
            org_id, change.conversation_id, change.version, change.status, current().traceparent
        )
        conversation = await self._conversation(org_id, change.conversation_id)
        return pb.UpdateConversationResponse(conversation=conversation)

    async def _conversation(self, org_id: UUID, conversation_id: UUID) -> pb.Conversation:
        rows = await self._conversations.list_conversations(
            org_id, 1, conversation_id=conversation_id
        )
        if not rows:
            raise DomainError(
                "CONVERSATION_NOT_FOUND",
                "There is no such conversation in this org.",
                metadata={"conversation_id": str(conversation_id)},
            )
        return to_conversation(rows[0])

    async def RecordEvents(
        self, request: pb.RecordEventsRequest, context: Any
    ) -> pb.RecordEventsResponse:
        parsed = parse_events(request, datetime.now(UTC))
        if of_pages := [told for _, told in parsed if isinstance(told, ReportedPageEvent)]:
            await self._conversations.record_page_events(of_pages)
        if others := [told for _, told in parsed if isinstance(told, ReportedTimelineEvent)]:
            teller = caller().service or ""
            await self._conversations.record_timeline_events(teller, others)
        return pb.RecordEventsResponse(
            results=[_result(event_id, told) for event_id, told in parsed]
        )


@contextmanager
def _saying_when() -> Iterator[None]:
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
    """The budget, as far as the caller waits for it: whoever calls learns how to go on."""
    if left_seconds is None:
        return budget
    call_deadline_seconds = max(left_seconds - _ANSWER_SECONDS, 0.5)
    seconds = min(budget.seconds, max(call_deadline_seconds - _CALL_SECONDS, 0.5))
    return replace(budget, seconds=seconds, call_deadline_seconds=call_deadline_seconds)


def _refuse_without_use(run: Run, end: RunEnd) -> None:
    """A run that could do nothing at all is a refusal, not an answer."""
    page = {"page_id": str(run.page_id), "error": end.error or ""}
    if end.token_status in ("dead", "forbidden"):
        raise DomainError(
            "PAGE_TOKEN_DEAD",
            "Meta refuses the page's token. Connect the page again, then resume.",
            metadata={**page, "token_status": end.token_status, "session_id": str(run.session_id)},
        )
    if end.status == "failed":
        raise DomainError(
            "SYNC_PAUSED",
            "Meta does not answer for the page. Try again later.",
            metadata=page,
            retry_after_seconds=60,
        )


def _result(
    event_id: str, told: ReportedPageEvent | ReportedTimelineEvent | DomainError
) -> pb.RecordEventResult:
    if isinstance(told, DomainError):
        return pb.RecordEventResult(event_id=event_id, outcome="refused", reason=told.reason)
    return pb.RecordEventResult(event_id=event_id, outcome="accepted")


def _moment_and_id(keys: tuple[str, ...]) -> tuple[datetime, UUID]:
    moment, row_id = keys
    parsed = datetime.fromisoformat(moment)
    if parsed.tzinfo is None:
        raise ValueError("a moment has a time zone")
    return parsed, UUID(row_id)
