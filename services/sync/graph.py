"""Calls of the Graph API: conversations, messages, subscriptions. Tokens travel in a header."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from services.chassis.outbound.client import OutboundClient
from services.sync.cursors import cursor_query
from services.sync.position import Ask
from services.sync.usage import Usage, usage_of

_MESSAGE_FIELDS: Final = "id,created_time,from,to,message,attachments,shares,sticker,tags"
LIST_FIELDS: Final = (
    f"id,updated_time,message_count,participants,messages.limit(20){{{_MESSAGE_FIELDS}}}"
)
ID_FIELDS: Final = "id,updated_time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whose data is asked for, and with what."""

    platform: str
    facebook_page_id: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphAnswer:
    """An answer, whatever its status."""

    status: int
    body: bytes
    usage: Usage
    truncated: bool = False


class Graph:
    """The Graph API."""

    def __init__(self, http: OutboundClient, url: str) -> None:
        self._http = http
        self._url = url.rstrip("/")

    async def ask(self, target: Target, ask: Ask) -> GraphAnswer:
        """A page of conversations or messages. Raises OutboundError."""
        query = {"limit": str(ask.limit), **cursor_query(ask.after)}
        if ask.kind == "messages":
            path = f"{quote(ask.thread_id, safe='')}/messages"
            return await self._call("GET", target, path, {**query, "fields": _MESSAGE_FIELDS})
        fields = LIST_FIELDS if ask.kind == "list" else ID_FIELDS
        path = f"{quote(target.facebook_page_id, safe='')}/conversations"
        return await self._call(
            "GET", target, path, {"platform": target.platform, "fields": fields, **query}
        )

    async def subscriptions(self, target: Target) -> GraphAnswer:
        """What the page sends to the app. Raises OutboundError."""
        return await self._call("GET", target, _subscribed_apps(target), {})

    async def subscribe(self, target: Target, fields: Collection[str]) -> GraphAnswer:
        """Has the page send these fields to the app, and no others. Raises OutboundError."""
        query = {"subscribed_fields": ",".join(sorted(fields))}
        return await self._call("POST", target, _subscribed_apps(target), query)

    async def _call(
        self, method: str, target: Target, path: str, query: Mapping[str, str]
    ) -> GraphAnswer:
        url = f"{self._url}/{path}?{urlencode(query)}"
        headers = {"authorization": f"Bearer {target.token}"}
        answer = await self._http.request(method, url, headers, b"")
        return GraphAnswer(
            status=answer.status,
            body=answer.body_excerpt,
            usage=usage_of(answer.headers),
            truncated=answer.truncated,
        )


def _subscribed_apps(target: Target) -> str:
    return f"{quote(target.facebook_page_id, safe='')}/subscribed_apps"
