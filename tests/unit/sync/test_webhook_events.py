"""Messaging events of webhooks, as interactions."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.sync.meta_values import UnreadableError
from services.sync.webhook_events import ParsedInteraction, parse_event

PAGE, CONTACT = "700", "8100"
TOLD_AT = datetime(2027, 1, 4, 12, tzinfo=UTC)
WATERMARK = 1_790_000_000_253


def parsed(**event: Any) -> ParsedInteraction:
    """The event, from the contact unless it says otherwise, without a time."""
    fields = {"sender": {"id": CONTACT}, "recipient": {"id": PAGE}, **event}
    return parse_event(
        json.dumps(fields), facebook_page_id=PAGE, event_id=uuid4(), reported_at=TOLD_AT
    )


@pytest.mark.parametrize("kind", ["delivery", "read"])
def test_a_receipt_without_a_time_happened_at_its_watermark(kind: str) -> None:
    first, again = (
        parsed(**{kind: {"mids": ["mid.1"], "watermark": WATERMARK}}).interaction for _ in range(2)
    )
    assert first.occurred_at == datetime.fromtimestamp(WATERMARK / 1000, UTC)
    assert first.type == kind
    # Whenever it is told, it is the same.
    assert (first.occurred_at, first.content_hash) == (again.occurred_at, again.content_hash)


def test_its_own_time_goes_before_its_watermark() -> None:
    told = parsed(timestamp=WATERMARK + 5_000, read={"watermark": WATERMARK})
    assert told.interaction.occurred_at.timestamp() * 1000 == pytest.approx(WATERMARK + 5_000)


@pytest.mark.parametrize("watermark", [None, "soon", -1, True, [WATERMARK]])
def test_a_receipt_with_neither_is_unreadable(watermark: Any) -> None:
    with pytest.raises(UnreadableError, match="it has neither an id nor a time"):
        parsed(delivery={"watermark": watermark})


def test_what_is_nested_too_deep_is_unreadable() -> None:
    deep = json.loads("[" * 700 + "]" * 700)
    with pytest.raises(UnreadableError, match="nested too deep"):
        parsed(timestamp=WATERMARK, message={"mid": "mid.1", "x": deep})
