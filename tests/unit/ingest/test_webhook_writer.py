"""Which loops are woken by what was stored."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from services.chassis.ids import new_id
from services.chassis.loops import Wake
from services.chassis.trace import new_root
from services.ingest.records.webhooks import (
    DEAD_LETTER,
    IGNORED,
    LEADGEN,
    MESSAGE,
    STORED,
    RawWebhook,
    WebhookItem,
)
from services.ingest.webhook_priority import WebhookPriority
from services.ingest.webhook_writer import EVENT, pending_kinds, webhook_writer
from tests.rpc.callers import Signer
from tests.rpc.ingest.conftest import config_of


def a_webhook(*items: WebhookItem) -> RawWebhook:
    """A webhook with these items."""
    return RawWebhook(
        delivery_id=new_id(), app_id=new_id(), path="/", headers={}, body=b"", trace=new_root(),
        caller_trace=None, items=items,
    )  # fmt: skip


def an_item(kind: str, source_kind: str, disposition: str | None = None) -> WebhookItem:
    """An item of such a source."""
    return WebhookItem(kind=kind, payload="{}", source_kind=source_kind, disposition=disposition)


@pytest.mark.parametrize(
    ("item", "kinds"),
    [
        (an_item(LEADGEN, "meta_page"), {LEADGEN}),
        (an_item(MESSAGE, "whatsapp_number"), {MESSAGE}),
        (an_item(MESSAGE, "meta_page"), {MESSAGE, EVENT}),
        (an_item(MESSAGE, "instagram_account"), {MESSAGE, EVENT}),
        (an_item("read", "meta_page", STORED), {EVENT}),
        (an_item("status", "whatsapp_number", IGNORED), set()),
        (an_item(LEADGEN, "meta_page", DEAD_LETTER), set()),
    ],
)
def test_a_webhook_brings_work_of_its_items_kinds(item: WebhookItem, kinds: set[str]) -> None:
    assert pending_kinds([a_webhook(item)]) == kinds


def test_webhooks_of_one_commit_bring_the_work_of_all() -> None:
    webhooks = [
        a_webhook(),
        a_webhook(an_item("status", "whatsapp_number", IGNORED), an_item(LEADGEN, "meta_page")),
        a_webhook(an_item(MESSAGE, "whatsapp_number")),
    ]
    assert pending_kinds(webhooks) == {LEADGEN, MESSAGE}


class SlowStore:
    """A store whose commits end when the test says so, well or with a fault."""

    def __init__(self) -> None:
        self.commits = asyncio.Semaphore(0)
        self.ends: asyncio.Queue[Exception | None] = asyncio.Queue()

    async def store_webhook_deliveries(self, webhooks: Sequence[RawWebhook]) -> None:
        """Stores nothing."""
        self.commits.release()
        fault = await self.ends.get()
        if fault:
            raise fault


@pytest.mark.parametrize("fault", [None, ConnectionResetError()])
async def test_a_deferred_worker_is_woken_by_a_commit_that_brings_it_no_work_or_fails(
    tmp_path: Path, fault: Exception | None
) -> None:
    config, wake, priority = (
        config_of(tmp_path, Signer(), ""),
        Wake(),
        WebhookPriority(deferrals_max=9),
    )
    store: Any = SlowStore()

    def submit(item: WebhookItem) -> "asyncio.Task[None]":
        webhook = a_webhook(item)
        return asyncio.create_task(writer.submit(webhook.delivery_id, webhook))

    async with webhook_writer(store, config, {MESSAGE: wake}, priority) as writer:
        message = submit(an_item(MESSAGE, "whatsapp_number"))
        await store.commits.acquire()
        status = submit(an_item("status", "whatsapp_number", IGNORED))
        await asyncio.sleep(0)
        store.ends.put_nowait(None)
        await message
        await wake.wait(10)
        assert not priority.may_claim(wake)
        woken = asyncio.create_task(wake.wait(3600))
        store.ends.put_nowait(fault)
        (outcome,) = await asyncio.gather(status, return_exceptions=True)
        assert outcome is fault
        await asyncio.wait_for(woken, 10)
        assert priority.may_claim(wake)
