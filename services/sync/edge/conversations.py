"""RPCs about conversations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.fields import parse_uuid
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import ListPage, parse_page_from
from services.chassis.trace import current
from services.sync.edge.answers import to_conversation, to_event
from services.sync.edge.parsing import (
    parse_change,
    parse_conversations_of,
    parse_query,
    parse_time_and_id,
)
from services.sync.json_text import hash_of
from services.sync.refusals import conversation_not_found
from services.sync.store.conversations import ConversationStore
from waybill.sync.v1 import sync_service_pb2 as pb


class ConversationHandlers:
    """Lists conversations, searches them, and opens or closes one."""

    def __init__(self, conversations: ConversationStore) -> None:
        self._conversations = conversations

    async def ListConversations(
        self, request: pb.ListConversationsRequest, context: Any
    ) -> pb.ListConversationsResponse:
        page_id = parse_conversations_of(request)
        pagination = parse_page_from(request, parse_time_and_id, "conversations", page_id)
        found, token = await self._list(pagination, page_id=page_id)
        return pb.ListConversationsResponse(conversations=found, next_page_token=token)

    async def SearchConversations(
        self, request: pb.SearchConversationsRequest, context: Any
    ) -> pb.SearchConversationsResponse:
        query = parse_query(request)
        pagination = parse_page_from(request, parse_time_and_id, "search", hash_of(query))
        found, token = await self._list(pagination, query=query)
        return pb.SearchConversationsResponse(conversations=found, next_page_token=token)

    async def _list(
        self,
        pagination: ListPage[tuple[datetime, UUID]],
        *,
        page_id: UUID | None = None,
        query: str | None = None,
    ) -> tuple[list[pb.Conversation], str]:
        rows = await self._conversations.list_conversations(
            caller().org, pagination.rows_to_read, pagination.start, page_id=page_id, query=query
        )
        found, token = pagination.split(
            rows, lambda each: (each.active_at.isoformat(), str(each.conversation_id))
        )
        return list(map(to_conversation, found)), token

    async def GetConversation(
        self, request: pb.GetConversationRequest, context: Any
    ) -> pb.GetConversationResponse:
        conversation_id = parse_uuid(request.conversation_id, "conversation_id")
        pagination = parse_page_from(request, parse_time_and_id, "events", conversation_id)
        conversation = await self._get(caller().org, conversation_id)
        rows = await self._conversations.list_conversation_events(
            caller().org, conversation_id, pagination.rows_to_read, pagination.start
        )
        events, token = pagination.split(
            rows, lambda each: (each.occurred_at.isoformat(), str(each.event_id))
        )
        return pb.GetConversationResponse(
            conversation=conversation, events=map(to_event, events), next_page_token=token
        )

    async def UpdateConversation(
        self, request: pb.UpdateConversationRequest, context: Any
    ) -> pb.UpdateConversationResponse:
        change, org_id = parse_change(request), caller().org
        await self._conversations.update_conversation(
            org_id, change, traceparent=current().traceparent
        )
        conversation = await self._get(org_id, change.conversation_id)
        return pb.UpdateConversationResponse(conversation=conversation)

    async def _get(self, org_id: UUID, conversation_id: UUID) -> pb.Conversation:
        found = await self._conversations.list_conversations(
            org_id, 1, conversation_id=conversation_id
        )
        if not found:
            raise conversation_not_found(conversation_id)
        return to_conversation(found[0])
