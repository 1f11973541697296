"""Who is woken by what was stored."""

import pytest

from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.ingest.receiver import EVENT, what_waits
from services.ingest.store.webhooks import RawWebhook
from services.ingest.webhook_items import (
    DEAD_LETTER,
    IGNORED,
    LEADGEN,
    MESSAGE,
    STORED,
    WebhookItem,
)


def a_webhook(*items: WebhookItem) -> RawWebhook:
    """A webhook with these items."""
    return RawWebhook(
        delivery_id=new_id(), app_id=new_id(), path="/", headers={}, body=b"", trace=new_root(),
        caller_trace=None, items=items,
    )  # fmt: skip


def an_item(kind: str, source_kind: str, fate: str | None = None) -> WebhookItem:
    """An item of such a source."""
    return WebhookItem(kind=kind, payload="{}", source_kind=source_kind, fate=fate)


@pytest.mark.parametrize(
    ("item", "waits"),
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
def test_a_webhook_leaves_work_to_who_does_it(item: WebhookItem, waits: set[str]) -> None:
    assert what_waits([a_webhook(item)]) == waits


def test_webhooks_of_one_commit_leave_the_work_of_all() -> None:
    webhooks = [
        a_webhook(),
        a_webhook(an_item("status", "whatsapp_number", IGNORED), an_item(LEADGEN, "meta_page")),
        a_webhook(an_item(MESSAGE, "whatsapp_number")),
    ]
    assert what_waits(webhooks) == {LEADGEN, MESSAGE}
