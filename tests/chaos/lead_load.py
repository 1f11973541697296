"""Many leads at once through the edge, each sent again until it is accepted, as callers do."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import msgspec

from deploy.local.sample_customer import Customer
from deploy.local.stack import Stack
from sandbox.meta_json import sign
from sandbox.meta_leads import Answered, Lead
from sandbox.meta_webhooks import (
    LeadChange,
    PageMessage,
    WhatsAppText,
    leadgen,
    messenger_text,
    whatsapp_text,
)

_AGAIN_SECONDS: Final = 0.2
LEADS_PER_WEBHOOK: Final = 5
# Numbers are leads: no two of a test have the same, whatever way they come in.
_numbers = itertools.count(1)


@dataclass(slots=True)
class LeadLoad:
    """Leads of one customer on their way in.

    `accepted` counts those that were answered 200, `refused` requests that had to be sent again.
    """

    stack: Stack
    customer: Customer
    session: aiohttp.ClientSession
    accepted: int = 0
    refused: int = 0
    lead_ids: dict[str, str] = field(default_factory=dict)
    """The answer of POST /api/leads by request id."""
    _progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def send(self, leads: int, *, concurrent: int = 50) -> None:
        """Sends so many leads, three of five posted, the rest by webhooks of both kinds."""
        webhooks = leads // (5 * LEADS_PER_WEBHOOK)
        senders: list[Callable[[], Awaitable[None]]] = []
        senders += [self.lead_ads] * webhooks + [self.whatsapp] * webhooks
        posted = leads - 2 * webhooks * LEADS_PER_WEBHOOK
        step = max(1, posted // max(1, len(senders)))
        mixed: list[Callable[[], Awaitable[None]]] = []
        for sender in senders:
            mixed += [self.post, *([self.post] * (step - 1)), sender]
        mixed += [self.post] * (posted - (len(mixed) - len(senders)))
        await run_bounded(mixed, concurrent)

    async def post(self) -> None:
        """One lead by POST /api/leads, with a request id."""
        number = next(_numbers)
        request_id = f"chaos-{number}"
        answer = await self.post_lead(
            {
                "customer_phone": f"0151{number:08d}",
                "customer_name": f"Person {number}",
                "type": "order" if number % 2 else "quote",
                "details": "Two rooms.",
                "request_id": request_id,
            }
        )
        self.lead_ids[request_id] = answer["lead_id"]
        await self._count(1)

    async def lead_ads(self) -> None:
        """A Lead Ads webhook with five leads, whose answers Meta has."""
        page_id = self.customer.org.page_id
        changes = []
        for number in itertools.islice(_numbers, LEADS_PER_WEBHOOK):
            leadgen_id = int(page_id) + number
            answers = [
                Answered(name="full_name", values=[f"Person {number}"]),
                Answered(name="phone_number", values=[f"0160{number:07d}"]),
            ]
            await self._register(leadgen_id, Lead(page_id=page_id, field_data=answers))
            changes.append(LeadChange(leadgen_id=leadgen_id, page_id=int(page_id)))
        await self.webhook("/webhooks/meta", leadgen(*changes))
        await self._count(LEADS_PER_WEBHOOK)

    async def _register(self, leadgen_id: int, lead: Lead) -> None:
        """Has Meta know the answers of a lead."""
        url = f"{self.stack.meta_url}/_control/leads/{leadgen_id}"
        headers = {"Content-Type": "application/json"}
        content = msgspec.json.encode(lead)
        await self._again(lambda: self.session.put(url, data=content, headers=headers))

    async def whatsapp(self) -> None:
        """A WhatsApp webhook with the texts of five people."""
        texts = [
            WhatsAppText(
                message_id=f"wamid.{self.customer.org.name}.{number}",
                wa_id=f"491520{number:07d}",
                phone_number_id=self.customer.org.phone_number_id,
            )
            for number in itertools.islice(_numbers, LEADS_PER_WEBHOOK)
        ]
        await self.webhook("/api/webhooks/whatsapp", whatsapp_text(*texts))
        await self._count(LEADS_PER_WEBHOOK)

    async def messenger(self) -> None:
        """A Messenger webhook with the text of one person, which is an event for sync too."""
        name, number = self.customer.org.name, next(_numbers)
        message = PageMessage(
            mid=f"m_{name}.{number}",
            person_id=f"81002{number:010d}",
            page_id=self.customer.org.page_id,
        )
        await self.webhook("/webhooks/meta", messenger_text(message))
        await self._count(1)

    async def post_lead(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer of POST /api/leads once it is accepted."""
        headers = {"Authorization": f"Bearer {self.customer.api.token}"}
        url = f"{self.stack.edge_url}/api/leads"
        answer: dict[str, Any] = await self._again(
            lambda: self.session.post(url, json=body, headers=headers)
        )
        return answer

    async def webhook(self, path: str, body: bytes) -> None:
        """Posts a webhook until it is accepted."""
        headers = {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": sign(self.customer.app_secret, body),
        }
        url = self.stack.edge_url + path
        await self._again(lambda: self.session.post(url, data=body, headers=headers))

    async def accepts(self, leads: int) -> None:
        """Returns when so many were accepted."""
        async with self._progress:
            await self._progress.wait_for(lambda: self.accepted >= leads)

    async def _count(self, leads: int) -> None:
        async with self._progress:
            self.accepted += leads
            self._progress.notify_all()

    async def _again(self, request: Callable[[], Any]) -> Any:
        """The JSON of the answer 200, asked for again after any failure that is ours."""
        while True:
            try:
                async with request() as answer:
                    if answer.status == 200:
                        return await answer.json()
                    # A refusal would never become an acceptance.
                    assert answer.status >= 500 or answer.status == 429, await answer.text()
            except (aiohttp.ClientError, TimeoutError):
                pass
            self.refused += 1
            await asyncio.sleep(_AGAIN_SECONDS)


async def run_bounded(senders: Iterable[Callable[[], Awaitable[None]]], concurrent: int) -> None:
    """Runs them all, so many at a time."""
    left = iter(senders)

    async def work() -> None:
        for sender in left:
            await sender()

    async with asyncio.TaskGroup() as workers:
        for _ in range(concurrent):
            workers.create_task(work())
