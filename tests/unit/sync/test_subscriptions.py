"""What a page sends to us, as it says it."""

import json
from typing import Any

import pytest

from services.sync.subscriptions import FIELDS, fields_of


def answer(*apps: Any) -> bytes:
    return json.dumps({"data": apps}).encode()


OURS = {"id": "1", "subscribed_fields": ["messages", "feed"]}
THEIRS = {"id": 2, "subscribed_fields": ["leadgen"]}


@pytest.mark.parametrize(
    ("body", "app_id", "fields"),
    [
        (answer(OURS, THEIRS), "1", {"messages", "feed"}),
        (answer(OURS, THEIRS), "2", {"leadgen"}),
        (answer(OURS, THEIRS), "3", set()),
        (answer(OURS, THEIRS), "", {"messages", "feed", "leadgen"}),
        (answer(), "", set()),
        (answer("x", {"id": "1"}, {"id": "1", "subscribed_fields": [1, None]}), "1", set()),
        (b"no json", "", set()),
        (b"[" * 100_000, "", set()),
        (b'{"data": 7}', "", set()),
        (b"[]", "", set()),
    ],
)
def test_only_our_apps_fields_count_where_it_is_known(
    body: bytes, app_id: str, fields: set[str]
) -> None:
    assert fields_of(body, app_id) == fields


def test_each_platform_has_fields_of_its_own() -> None:
    assert "leadgen" in FIELDS["messenger"]
    assert "messaging_seen" in FIELDS["instagram"]
    assert not FIELDS["instagram"] & {"leadgen", "message_echoes", "message_edits"}
