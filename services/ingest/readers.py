"""Reads webhook items: a lead's answers from the Graph API, a message from the item itself."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlencode
from uuid import UUID

from services.chassis.outbound.client import OutboundClient, OutboundError
from services.chassis.sealing import KeyRing, SealBroken, unseal
from services.ingest.graph_errors import fault_of
from services.ingest.items_worker import Fault
from services.ingest.leads import NewLead
from services.ingest.meta_leads import FIELDS, UnreadableLeadError, parse_answer
from services.ingest.meta_messages import UnreadableMessageError, parse_message
from services.ingest.store import IngestStore
from services.ingest.store.webhooks import ClaimedItem

# Answers name their headers in lower case.
_BUSINESS_USAGE: Final = "x-business-use-case-usage"


class MessageReader:
    """Messages of WhatsApp, Messenger and Instagram."""

    async def duplicates(self, items: Sequence[ClaimedItem]) -> set[UUID]:
        """None beforehand: a message's uniqueness is decided where it is stored."""
        return set()

    async def read(self, item: ClaimedItem) -> NewLead | Fault:
        """The message that the item holds."""
        if not item.external_id:
            return Fault(reason="malformed: no message id", permanent=True)
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
            return Fault(reason=f"malformed: {error}", permanent=True)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            return Fault(reason=f"malformed: {type(error).__name__}", permanent=True)


class LeadReader:
    """Leads of Lead Ads: `GET /{leadgen_id}` with the page's token."""

    def __init__(
        self, store: IngestStore, http: OutboundClient, ring: KeyRing, graph_url: str
    ) -> None:
        self._store = store
        self._http = http
        self._ring = ring
        self._graph_url = graph_url.rstrip("/")

    async def duplicates(self, items: Sequence[ClaimedItem]) -> set[UUID]:
        """Items whose lead another item makes; they need no call."""
        named = [item for item in items if item.external_id]
        owned = await self._store.upsert_lead_sources(named)
        return {item.item_id for item in named} - owned

    async def read(self, item: ClaimedItem) -> NewLead | Fault:
        """The lead's answers."""
        if not item.external_id:
            return Fault(reason="malformed: no leadgen_id", permanent=True)
        if item.access_token_ciphertext is None:
            return Fault(reason="the source has no access token")
        try:
            token = unseal(
                self._ring,
                item.access_token_ciphertext,
                table="sources",
                key=str(item.source_id),
                org_id=item.org_id,
            ).decode()
            response = await self._http.request("GET", self._url(item.external_id, token), {}, b"")
        except SealBroken:
            return Fault(reason="the source's access token cannot be unsealed")
        except OutboundError as error:
            return Fault(reason=f"graph unreachable ({type(error).__name__})")
        if response.status != 200:
            usage = response.headers.get(_BUSINESS_USAGE)
            graph = fault_of(response.status, response.body_excerpt, usage)
            return Fault(
                reason=graph.reason, permanent=graph.permanent, wait_seconds=graph.wait_seconds
            )
        return self._parse(response.body_excerpt, item)

    def _url(self, lead_id: str, token: str) -> str:
        query = urlencode({"fields": FIELDS, "access_token": token})
        return f"{self._graph_url}/{quote(lead_id, safe='')}?{query}"

    def _parse(self, body: bytes, item: ClaimedItem) -> NewLead | Fault:
        try:
            return parse_answer(
                body,
                external_id=item.external_id,
                source_id=item.source_id,
                source_kind=item.source_kind,
                default_region=item.default_region,
                received_at=item.received_at,
            )
        except UnreadableLeadError as error:
            return Fault(reason=str(error))
