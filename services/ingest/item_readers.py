"""Readers of claimed items: leads from the Graph API, messages from the items themselves."""

from collections.abc import Sequence
from typing import Final, Protocol
from urllib.parse import quote, urlencode
from uuid import UUID

from services.chassis.outbound.client import OutboundClient, OutboundError
from services.chassis.sealing import SealBroken, SealedColumn
from services.ingest.graph_errors import fault_of
from services.ingest.meta_leads import FIELDS, UnreadableLeadError, parse_graph_lead
from services.ingest.meta_messages import UnreadableMessageError, parse_message
from services.ingest.records.leads import IncomingLead
from services.ingest.records.webhooks import ClaimedItem, ReadFault
from services.ingest.store import IngestStore

# Responses have the names of their headers in lower case.
_BUSINESS_USAGE: Final = "x-business-use-case-usage"


class ItemReader(Protocol):
    """Turns a claimed item into what is to be stored."""

    async def duplicates(self, items: Sequence[ClaimedItem]) -> set[UUID]:
        """Items that are known to be duplicates before they are read."""

    async def read(self, item: ClaimedItem) -> IncomingLead | ReadFault:
        """The lead that the item brings, or why it cannot be read."""


class MessageReader:
    """Messages of WhatsApp, Messenger and Instagram."""

    async def duplicates(self, items: Sequence[ClaimedItem]) -> set[UUID]:
        """None beforehand: a message's uniqueness is decided where it is stored."""
        return set()

    async def read(self, item: ClaimedItem) -> IncomingLead | ReadFault:
        """The message that the item holds."""
        if not item.external_id:
            return ReadFault(reason="malformed: no message id", permanent=True)
        try:
            return parse_message(
                item.payload,
                external_id=item.external_id,
                source_id=item.source_id,
                source_kind=item.source_kind,
                source_external_id=item.source_external_id,
                default_region=item.default_region,
                received_at=item.received_at,
            )
        except UnreadableMessageError as error:
            return ReadFault(reason=f"malformed: {error}", permanent=True)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            return ReadFault(reason=f"malformed: {type(error).__name__}", permanent=True)


class LeadgenReader:
    """Leads of Lead Ads: `GET /{leadgen_id}` with the page's token."""

    def __init__(
        self,
        store: IngestStore,
        http: OutboundClient,
        access_tokens: SealedColumn,
        graph_url: str,
    ) -> None:
        self._store = store
        self._http = http
        self._access_tokens = access_tokens
        self._graph_url = graph_url.rstrip("/")

    async def duplicates(self, items: Sequence[ClaimedItem]) -> set[UUID]:
        """Items whose lead another item makes; they need no call."""
        named = [item for item in items if item.external_id]
        owned = await self._store.upsert_lead_sources(named)
        return {item.item_id for item in named} - owned

    async def read(self, item: ClaimedItem) -> IncomingLead | ReadFault:
        """The lead's answers."""
        if not item.external_id:
            return ReadFault(reason="malformed: no leadgen_id", permanent=True)
        if item.access_token_ciphertext is None:
            return ReadFault(reason="the source has no access token")
        try:
            token = self._access_tokens.open(
                item.org_id, item.source_id, item.access_token_ciphertext
            )
            response = await self._http.request("GET", self._url(item.external_id, token), {}, b"")
        except SealBroken:
            return ReadFault(reason="the source's access token cannot be unsealed")
        except OutboundError as error:
            return ReadFault(reason=f"graph unreachable ({type(error).__name__})")
        if response.status != 200:
            usage = response.headers.get(_BUSINESS_USAGE)
            return fault_of(response.status, response.body_excerpt, usage)
        return self._parse(response.body_excerpt, item)

    def _url(self, lead_id: str, token: str) -> str:
        query = urlencode({"fields": FIELDS, "access_token": token})
        return f"{self._graph_url}/{quote(lead_id, safe='')}?{query}"

    def _parse(self, body: bytes, item: ClaimedItem) -> IncomingLead | ReadFault:
        try:
            return parse_graph_lead(
                body,
                external_id=item.external_id,
                source_id=item.source_id,
                source_kind=item.source_kind,
                default_region=item.default_region,
                received_at=item.received_at,
            )
        except UnreadableLeadError as error:
            return ReadFault(reason=str(error))
