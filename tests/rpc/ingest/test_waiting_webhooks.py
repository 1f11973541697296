"""Webhooks that wait to be stored: bounded, whatever their size."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from services.chassis.batching import Overloaded
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.ingest.records.webhooks import RawWebhook, WebhookItem
from services.ingest.webhook_priority import WebhookPriority
from services.ingest.webhook_writer import webhook_writer
from tests.rpc.callers import Signer
from tests.rpc.ingest.conftest import config_of


class SlowStore:
    """A store that keeps each flush waiting until it is let go; notes how many bodies it had."""

    def __init__(self) -> None:
        self.flushes: list[int] = []
        self.asked, self.let_go = asyncio.Event(), asyncio.Event()

    async def store_webhook_deliveries(self, webhooks: Sequence[RawWebhook]) -> None:
        """Stores nothing."""
        self.flushes.append(len(webhooks))
        self.asked.set()
        await self.let_go.wait()


async def test_webhooks_that_wait_are_bounded_in_bytes(tmp_path: Path) -> None:
    config = config_of(
        tmp_path, Signer(), "", webhook_bytes_waiting_max=4096, webhook_batch_bytes_max=2048
    )
    store: Any = SlowStore()

    def a_webhook() -> RawWebhook:
        item = WebhookItem(kind="message", payload="x" * 512)
        return RawWebhook(
            delivery_id=new_id(), app_id=new_id(), path="/", headers={}, body=b"x" * 512,
            trace=new_root(), caller_trace=None, items=[item],
        )  # fmt: skip

    def submit(webhook: RawWebhook) -> "asyncio.Task[None]":
        return asyncio.create_task(writer.submit(webhook.delivery_id, webhook))

    async with webhook_writer(store, config, {}, WebhookPriority(deferrals_max=1)) as writer:
        tasks = [submit(a_webhook())]
        await store.asked.wait()
        tasks += [submit(a_webhook()) for _ in range(4)]
        with pytest.raises(Overloaded):
            await submit(a_webhook())
        store.let_go.set()
        await asyncio.gather(*tasks)
    assert store.flushes == [1, 2, 2]
