"""Calls of the Graph API: conversations, messages, subscriptions. Tokens travel in a header."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from services.chassis.outbound.client import OutboundClient
from services.sync.cursors import cursor_query
from services.sync.position import GraphRequest
from services.sync.records.pages import PageCredentials
from services.sync.usage import Usage, usage_of

_MESSAGE_FIELDS: Final = "id,created_time,from,to,message,attachments,shares,sticker,tags"
LIST_FIELDS: Final = (
    f"id,updated_time,message_count,participants,messages.limit(20){{{_MESSAGE_FIELDS}}}"
)
ID_FIELDS: Final = "id,updated_time"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphResponse:
    """A response, whatever its status."""

    status: int
    body: bytes
    usage: Usage
    truncated: bool = False


class Graph:
    """The Graph API."""

    def __init__(self, http: OutboundClient, url: str) -> None:
        self._http = http
        self._url = url.rstrip("/")

    async def fetch(self, credentials: PageCredentials, request: GraphRequest) -> GraphResponse:
        """Conversations or messages. Raises OutboundError."""
        query = {"limit": str(request.limit), **cursor_query(request.after)}
        if request.kind == "messages":
            path = f"{quote(request.thread_id, safe='')}/messages"
            return await self._call("GET", credentials, path, {**query, "fields": _MESSAGE_FIELDS})
        fields = LIST_FIELDS if request.kind == "list" else ID_FIELDS
        path = f"{quote(credentials.facebook_page_id, safe='')}/conversations"
        return await self._call(
            "GET", credentials, path, {"platform": credentials.platform, "fields": fields, **query}
        )

    async def subscriptions(self, credentials: PageCredentials) -> GraphResponse:
        """The fields that the page sends to its apps. Raises OutboundError."""
        return await self._call("GET", credentials, _subscribed_apps(credentials), {})

    async def subscribe(
        self, credentials: PageCredentials, fields: Collection[str]
    ) -> GraphResponse:
        """Has the page send these fields to the app, and no others. Raises OutboundError."""
        query = {"subscribed_fields": ",".join(sorted(fields))}
        return await self._call("POST", credentials, _subscribed_apps(credentials), query)

    async def _call(
        self, method: str, credentials: PageCredentials, path: str, query: Mapping[str, str]
    ) -> GraphResponse:
        url = f"{self._url}/{path}?{urlencode(query)}"
        headers = {"authorization": f"Bearer {credentials.token}"}
        response = await self._http.request(method, url, headers, b"")
        return GraphResponse(
            status=response.status,
            body=response.body_excerpt,
            usage=usage_of(response.headers),
            truncated=response.truncated,
        )


def _subscribed_apps(credentials: PageCredentials) -> str:
    return f"{quote(credentials.facebook_page_id, safe='')}/subscribed_apps"
