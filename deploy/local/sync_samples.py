"""Sample input of sync: a page's conversations, pulled and reported by webhooks.

(s) a pull in two sessions with a resume between, a second start refused meanwhile, and webhook
messages of the same conversation merged with what was pulled.
"""

import asyncio
import dataclasses
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from deploy.local.sample_customer import PAGE_TOKEN, Customer, RefusedError
from deploy.local.samples import END_SECONDS_MAX, SampleFailedError, SampleResult
from sandbox.meta_json import meta_bytes
from sandbox.meta_pages import PageOrder
from sandbox.meta_webhooks import send

# More than one pull reads: the local run has it make ten calls of a hundred conversations each.
CONVERSATIONS: Final = 1_200
_POLL_SECONDS: Final = 0.1
_IN_PROGRESS: Final = "Sync already in progress for this page. Please wait for it to complete."


class SyncSamples:
    """Pulls the customer's page."""

    def __init__(self, customer: Customer, *, edge_url: str, meta_url: str) -> None:
        self._customer = customer
        self._api = customer.api
        self._edge_url = edge_url
        self._meta_url = meta_url
        self._external_id = customer.org.page_id

    def all(self) -> list[Callable[[], Awaitable[SampleResult]]]:
        """The samples."""
        return [self.page_conversations]

    async def page_conversations(self) -> SampleResult:
        """(s) two sessions with a resume between, a start refused, webhooks merged."""
        seed = 1 + secrets.randbelow(10**6)
        order = PageOrder(conversations=CONVERSATIONS, messages_min=1, messages_max=3, seed=seed)
        await self._control("PUT", "", order)
        page = await self._connect()
        first, refusal = await self._pull_twice(page["pageId"])
        if _IN_PROGRESS not in refusal:
            raise SampleFailedError(f"the second start was not refused: {refusal}")
        if not first.get("hasMore"):
            raise SampleFailedError(f"the first session left nothing to resume: {first}")
        conversation, message = await self._webhook_message(page["pageId"])
        last, runs = first, 1
        while last.get("hasMore"):
            last, runs = await self._pull(page["pageId"], last["resumeSession"]), runs + 1
        await self._merged(conversation, message)
        return SampleResult(
            name="s: a page's conversations",
            happened=(
                f"{last['counts']['conversationsSeen']} conversations read in {runs} sessions,"
                " a second start refused, a webhook's message merged"
            ),
            found_by=(("external_id", self._external_id),),
        )

    async def _connect(self) -> dict[str, Any]:
        connected = await self._api.post(
            "/api/pages",
            {
                "platform": "messenger",
                "facebookPageId": self._external_id,
                "name": "Example page",
                "accessToken": PAGE_TOKEN,
            },
        )
        page: dict[str, Any] = connected["page"]
        return page

    async def _pull(
        self, page_id: str, resume_session: str | None, *, wait_seconds_max: float | None = None
    ) -> dict[str, Any]:
        api = self._api
        if wait_seconds_max is not None:
            api = dataclasses.replace(api, wait_seconds_max=wait_seconds_max)
        body = {
            "pageId": page_id,
            "facebookPageId": self._external_id,
            "resumeSession": resume_session,
        }
        return await api.post("/api/conversations/sync", body)

    async def _pull_twice(self, page_id: str) -> tuple[dict[str, Any], str]:
        """A session, and the answer to a second start while it runs."""
        pulling = asyncio.create_task(self._pull(page_id, None))
        try:
            await self._until("the page is locked", lambda: self._is_locked(page_id))
            try:
                await self._pull(page_id, None, wait_seconds_max=0)
                refusal = "it was let in"
            except RefusedError as refused:
                refusal = str(refused)
            return await pulling, refusal
        finally:
            pulling.cancel()

    async def _is_locked(self, page_id: str) -> bool:
        listed = await self._api.get("/api/sync-locks")
        return any(lock["pageId"] == page_id for lock in listed.get("locks", ()))

    async def _webhook_message(self, page_id: str) -> tuple[str, str]:
        """A message of a pulled conversation, reported by a webhook twice, and then to be pulled.

        Answers the conversation and the message.
        """
        listed = await self._api.get("/api/conversations", pageId=page_id, pageSize="1")
        conversation = listed["conversations"][0]
        at = int(time.time())
        said = await self._control(
            "POST", "/messages", {"thread_id": conversation["threadId"], "at": at}
        )
        event = {
            "sender": {"id": conversation["contactExternalId"]},
            "recipient": {"id": self._external_id},
            "timestamp": at * 1000 + 250,
            "message": {"mid": said["message_id"], "text": "hello again"},
        }
        entry = {"id": self._external_id, "time": at * 1000, "messaging": [event]}
        body = meta_bytes({"object": "page", "entry": [entry]})
        for _ in range(2):
            answer = await send(self._edge_url + "/webhooks/meta", body, self._customer.app_secret)
            if answer.status != 200:
                raise SampleFailedError(f"the webhook was answered {answer.status}")
        conversation_id: str = conversation["conversationId"]
        return conversation_id, said["message_id"]

    async def _merged(self, conversation_id: str, message_id: str) -> None:
        """Returns when the message is there once, reported by the webhook and the pull."""

        async def merged() -> bool:
            found = await self._api.get(f"/api/conversations/{conversation_id}")
            both = [
                event
                for event in found["events"]
                if event.get("messageId") == message_id
                and event.get("seenByWebhook")
                and event.get("seenByPull")
            ]
            return len(both) == 1

        await self._until("the webhook's message is merged with the pulled one", merged)

    async def _control(self, method: str, path: str, body: Any) -> dict[str, Any]:
        url = f"{self._meta_url}/_control/pages/{self._external_id}{path}"
        content = msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"}
        async with self._api.session.request(method, url, data=content, headers=headers) as answer:
            answer.raise_for_status()
            parsed: dict[str, Any] = await answer.json()
            return parsed

    async def _until(self, what: str, holds: Callable[[], Awaitable[bool]]) -> None:
        patience = time.monotonic() + END_SECONDS_MAX
        while time.monotonic() < patience:
            if await holds():
                return
            await asyncio.sleep(_POLL_SECONDS)
        raise SampleFailedError(f"after {END_SECONDS_MAX:g} s it is still not so that {what}")
