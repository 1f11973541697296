"""Sample input, sent through the edge as the outside world sends it, each followed to its end.

(a) a Lead Ads webhook with two changes, (b) a WhatsApp text of a new customer, (c) POST /api/leads,
(d) the webhook of (a) again, (e) a lead whose phone another workspace already received.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from deploy.local.sample_customer import Customer, RefusedError
from sandbox.meta_leads import Answered, Disclaimer, Lead
from sandbox.meta_webhooks import LeadChange, WhatsAppText, leadgen, send, whatsapp_text

END_SECONDS_MAX: Final = 60.0
_POLL_SECONDS: Final = 0.1


class SampleFailedError(Exception):
    """A sample did not reach its end; the text says where it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleResult:
    """A sample that reached its end: what happened, and by what its traces are found."""

    name: str
    happened: str
    found_by: tuple[tuple[str, str], ...]
    """(kind, value) pairs as FindTraces takes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """Ids and numbers of one run, so that a second run is not a duplicate of the first."""

    leadgen_ids: tuple[int, int]
    wa_id: str
    phones: tuple[str, str, str]
    message_id: str

    @classmethod
    def fresh(cls) -> "Seed":
        """A new one."""
        first = 10**14 + secrets.randbelow(10**14)
        return cls(
            leadgen_ids=(first, first + 1),
            wa_id=f"4915{secrets.randbelow(10**9):09d}"[:13],
            phones=(_mobile(), _mobile(), _mobile()),
            message_id=f"wamid.{secrets.token_hex(12)}",
        )


def _mobile() -> str:
    """A valid German mobile number, as a person writes it."""
    return f"0151 {secrets.randbelow(10**8):08d}"


class Samples:
    """Sends the samples of one run."""

    def __init__(
        self,
        customer: Customer,
        *,
        edge_url: str,
        meta_url: str,
        buyers_url: str,
        end_seconds_max: float = END_SECONDS_MAX,
    ) -> None:
        self._customer = customer
        self._edge_url = edge_url
        self._meta_url = meta_url
        self.buyers_url = buyers_url
        self._end_seconds_max = end_seconds_max
        self._seed = Seed.fresh()
        self._webhook = leadgen(
            *(
                LeadChange(leadgen_id=each, page_id=int(customer.org.page_id))
                for each in self._seed.leadgen_ids
            )
        )

    def all(self) -> list[Callable[[], Awaitable[SampleResult]]]:
        """The samples, in the order in which they build on each other."""
        return [
            self.lead_ads,
            self.whatsapp,
            self.api_lead,
            self.lead_ads_again,
            self.cross_partner_duplicate,
        ]

    async def lead_ads(self) -> SampleResult:
        """(a) two leads whose answers are fetched from the Graph API."""
        for leadgen_id, phone in zip(self._seed.leadgen_ids, self._seed.phones, strict=False):
            await self._register(leadgen_id, phone)
        await self._post_webhook("/webhooks/meta", self._webhook)
        items = [await self._settled_item(str(each), "stored") for each in self._seed.leadgen_ids]
        for item in items:
            await self._delivered(item["leadId"], self._customer.alpha)
        return SampleResult(
            name="a: Lead Ads webhook with two leads",
            happened="both stored, routed to alpha, delivered",
            found_by=tuple(("lead_id", item["leadId"]) for item in items),
        )

    async def whatsapp(self) -> SampleResult:
        """(b) a WhatsApp text of a new customer."""
        text = WhatsAppText(
            message_id=self._seed.message_id,
            wa_id=self._seed.wa_id,
            phone_number_id=self._customer.org.phone_number_id,
        )
        await self._post_webhook("/api/webhooks/whatsapp", whatsapp_text(text))
        item = await self._settled_item(self._seed.message_id, "stored")
        await self._delivered(item["leadId"], self._customer.beta)
        return SampleResult(
            name="b: WhatsApp text of a new customer",
            happened="stored with its conversation, routed to beta, delivered",
            found_by=(("lead_id", item["leadId"]),),
        )

    async def api_lead(self) -> SampleResult:
        """(c) a lead that a caller posts."""
        lead = await self._post_lead("order")
        await self._delivered(lead["lead_id"], self._customer.alpha)
        return SampleResult(
            name="c: POST /api/leads",
            happened="stored, routed to alpha, delivered",
            found_by=(("lead_id", lead["lead_id"]),),
        )

    async def lead_ads_again(self) -> SampleResult:
        """(d) the webhook of (a) again."""
        await self._post_webhook("/webhooks/meta", self._webhook)
        for leadgen_id in self._seed.leadgen_ids:
            await self._settled_item(str(leadgen_id), "duplicate")
        return SampleResult(
            name="d: the same webhook again",
            happened="both items duplicate, nothing else",
            found_by=(("external_id", str(self._seed.leadgen_ids[0])),),
        )

    async def cross_partner_duplicate(self) -> SampleResult:
        """(e) the phone of (c) with a type that another workspace gets."""
        lead = await self._post_lead("quote")
        await self._until(
            "the lead is refused as a duplicate", lambda: self._is_refused(lead["lead_id"])
        )
        return SampleResult(
            name="e: a phone that another workspace already received",
            happened="refused by routing, not delivered",
            found_by=(("lead_id", lead["lead_id"]),),
        )

    async def _register(self, leadgen_id: int, phone: str) -> None:
        lead = Lead(
            page_id=self._customer.org.page_id,
            field_data=[
                Answered(name="full_name", values=["Änne Example"]),
                Answered(name="phone_number", values=[phone]),
                Answered(name="interests", values=["garden", "balcony"]),
            ],
            custom_disclaimer_responses=[Disclaimer(checkbox_key="newsletter", is_checked="")],
        )
        url = f"{self._meta_url}/_control/leads/{leadgen_id}"
        content = msgspec.json.encode(lead)
        headers = {"Content-Type": "application/json"}
        async with self._customer.api.session.put(url, data=content, headers=headers) as answer:
            answer.raise_for_status()

    async def _post_webhook(self, path: str, body: bytes) -> None:
        answer = await send(self._edge_url + path, body, self._customer.app_secret)
        if answer.status != 200:
            raise SampleFailedError(f"POST {path} was answered {answer.status}: {answer.body!r}")

    async def _post_lead(self, kind: str) -> dict[str, Any]:
        return await self._customer.api.post(
            "/api/leads",
            {
                "customer_phone": self._seed.phones[2],
                "customer_name": "Chris Example",
                "type": kind,
                "details": "Two rooms, near the river.",
            },
        )

    async def _settled_item(self, external_id: str, status: str) -> dict[str, Any]:
        """The webhook item that brought it, once it has that status."""
        found = await self._until(
            f"the item {external_id} is {status}", lambda: self._item(external_id, status)
        )
        return dict(found)

    async def _item(self, external_id: str, status: str) -> dict[str, Any] | None:
        listed = await self._customer.api.get("/api/webhook-items", status=status)
        return next(
            (item for item in listed.get("items", ()) if item["externalId"] == external_id), None
        )

    async def _delivered(self, lead_id: str, workspace_id: str) -> None:
        """Returns when the lead was delivered to the workspace."""

        async def delivered() -> bool:
            listed = await self._customer.api.get("/api/offers", leadId=lead_id)
            sent = [
                offer["workspaceId"]
                for offer in listed.get("offers", ())
                if offer["status"] == "SENT_TO_DEVELOPER"
            ]
            return sent == [workspace_id]

        await self._until(f"lead {lead_id} is delivered", delivered)

    async def _is_refused(self, lead_id: str) -> bool:
        try:
            routing = await self._customer.api.get(f"/api/leads/{lead_id}/routing")
        except RefusedError:
            # The lead is still on its way to routing.
            return False
        return bool(routing["error"] == "CROSS_PARTNER_DUPLICATE")

    async def _until(self, what: str, holds: Callable[[], Awaitable[Any]]) -> Any:
        """What `holds` answers once it is true; SampleFailedError when that takes too long."""
        patience = time.monotonic() + self._end_seconds_max
        while time.monotonic() < patience:
            if result := await holds():
                return result
            await asyncio.sleep(_POLL_SECONDS)
        raise SampleFailedError(f"after {self._end_seconds_max:g} s it is still not so that {what}")
