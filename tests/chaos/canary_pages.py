"""Canaries in the conversations of a page: people's names, and what they say."""

from typing import Any, Final

import msgspec

from deploy.local.sample_customer import PAGE_TOKEN, Customer
from sandbox.meta_pages import Behaviour, PageOrder
from tests.chaos.canaries import FORGED, MAIL, NAME, TEXT, Outside, a_phone

_PATH: Final = "/api/conversations/sync"
SAID: Final = f"{TEXT}, call {a_phone(15)} or write {MAIL}"
# What the database quotes where it refuses the row.
QUOTED: Final = f"dbsync {SAID}"


class Pages:
    """A page of the customer's, and who reads it."""

    def __init__(self, outside: Outside, customer: Customer) -> None:
        self._outside = outside
        self._api = customer.api
        self._external_id = customer.org.page_id

    async def all(self) -> None:
        """A page that is read, one whose calls Meta refuses, one that cannot be stored."""
        await self._meta("", PageOrder(conversations=2, broken=1, person=NAME, text=SAID))
        page_id = await self._connected(PAGE_TOKEN)
        await self._pulled(page_id)
        await self._looked_for()
        quoting = f"no {NAME} {SAID} {PAGE_TOKEN}"
        await self._meta("/behaviour", Behaviour(error_calls=2, error_text=quoting))
        await self._pulled(page_id)
        await self._meta("", PageOrder(conversations=1, person=NAME, text=QUOTED, seed=2))
        await self._pulled(page_id)
        # A token that is good no more.
        await self._connected(FORGED)
        body = {"pageId": page_id, "facebookPageId": self._external_id}
        await self._outside.refused("POST", _PATH, 400, json=body)

    async def _connected(self, token: str) -> str:
        page = {"platform": "messenger", "facebookPageId": self._external_id, "name": NAME}
        connected = await self._api.post("/api/pages", {**page, "accessToken": token})
        page_id: str = connected["page"]["pageId"]
        return page_id

    async def _pulled(self, page_id: str) -> None:
        body = {"pageId": page_id, "facebookPageId": self._external_id}
        await self._api.post(_PATH, body)

    async def _looked_for(self) -> None:
        found = await self._api.get("/api/conversations/search", query=NAME)
        assert found["conversations"]
        refused = self._outside.refused
        await refused("GET", "/api/conversations/search", 400, params={"query": NAME * 99})
        await refused("GET", "/api/conversations", 400, params={"pageId": MAIL})
        await refused("POST", _PATH, 400, json={"pageId": NAME, "facebookPageId": TEXT})
        page: dict[str, Any] = {"platform": NAME, "facebookPageId": MAIL, "accessToken": FORGED}
        await refused("POST", "/api/pages", 400, json=page)

    async def _meta(self, path: str, body: Any) -> None:
        await self._outside.meta(
            f"pages/{self._external_id}{path}", msgspec.to_builtins(body), method="PUT"
        )
