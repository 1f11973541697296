"""Answers of the Graph API as read: what they prove, and that what is kept holds no token."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from services.sync.cursors import cursor_query, next_cursor
from services.sync.graph_lists import ListedConversation, ListResponse, parse_list, parse_messages
from services.sync.meta_values import UnreadableError
from services.sync.redaction import DEPTH_MAX, redacted, redacted_excerpt
from tests.unit.sync.lists import TOP

PAGE = "700"
SECRET = "EAAsecret"
NEXT = f"https://graph.facebook.com/v26.0/t_1/messages?access_token={SECRET}&limit=25"


def a_message(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"m_{number}",
        "created_time": "2026-09-21T14:13:20+0000",
        "from": {"id": "contact"},
        "message": "hello",
        **changes,
    }


def a_conversation(shown: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": "t_1",
        "updated_time": "2026-09-21T14:13:20+0000",
        "participants": {"data": [{"id": "contact", "name": "Ada"}, {"id": PAGE}]},
        "messages": {"data": [a_message(number) for number in range(shown)]},
        **changes,
    }


def listed(*conversations: Any, paging: Any = None) -> ListResponse:
    body = json.dumps({"data": conversations, "paging": paging}).encode()
    return parse_list(body, PAGE)


def one(**changes: Any) -> ListedConversation:
    (conversation,) = listed(a_conversation(**changes)).conversations
    return conversation


@pytest.mark.parametrize(
    ("count", "shown", "completeness"),
    [
        (5, 5, "full"),
        (4, 5, "full"),
        (6, 5, "partial"),
        (20, 20, "full"),
        (21, 20, "truncated_20"),
        (None, 19, "full"),
        # Meta shows no more than 20: where it does not say how many there are, there may be more.
        (None, 20, "truncated_20"),
        (-1, 20, "truncated_20"),
        (True, 20, "truncated_20"),
    ],
)
def test_completeness_is_what_the_count_proves(count: Any, shown: int, completeness: str) -> None:
    assert one(shown=shown, message_count=count).completeness == completeness


def test_a_message_that_comes_twice_is_counted_once() -> None:
    twice = {"data": [a_message(1), a_message(1)]}
    assert one(messages=twice, message_count=2).completeness == "partial"


@pytest.mark.parametrize(
    ("paging", "cursor", "query"),
    [
        (None, None, {}),
        ([], None, {}),
        ({"cursors": {"after": "last"}}, None, {}),
        ({"next": NEXT, "cursors": {"after": "c1"}}, "c1", {"after": "c1"}),
        ({"next": NEXT + "&after=c%3D2"}, "c=2", {"after": "c=2"}),
        ({"next": NEXT + "&after=c2", "cursors": {"after": "\0"}}, "c2", {"after": "c2"}),
        (
            {"next": NEXT + "&until=1334079538&__paging_token=m_id.3"},
            "?until=1334079538&__paging_token=m_id.3",
            {"until": "1334079538", "__paging_token": "m_id.3"},
        ),
    ],
)
def test_a_cursor_is_what_leads_on_and_never_the_token(
    paging: Any, cursor: str | None, query: Mapping[str, str]
) -> None:
    assert next_cursor({"paging": paging}) == cursor
    assert cursor_query(cursor) == query


@pytest.mark.parametrize(
    "paging",
    [
        {"next": NEXT},
        {"next": True},
        {"next": "http://[half"},
        {"next": NEXT, "cursors": {"after": "a\0b"}},
        {"next": NEXT, "cursors": {"after": 5}},
        {"next": NEXT, "cursors": {"after": "x" * 3000}},
        {"next": NEXT, "cursors": {"after": "?until=1"}},
    ],
)
def test_a_next_page_without_a_cursor_is_not_the_end(paging: Any) -> None:
    with pytest.raises(UnreadableError):
        listed(a_conversation(), paging=paging)
    # Of messages too: there are more, wherever they are.
    cut = one(messages={"data": [a_message(1)], "paging": paging}, message_count=1)
    assert (cut.messages.lacks_cursor, cut.completeness) == (True, "partial")


def test_nothing_that_is_kept_holds_the_token() -> None:
    paging = {"next": NEXT, "cursors": {"after": "c1"}}
    attachments = {"data": [{"id": "1", "paging": paging, "url": NEXT}], "paging": paging}
    nameless = a_conversation(participants={"data": []}, messages={"data": [], "paging": paging})
    page = listed(
        {"paging": paging, "n": 1},
        nameless,
        a_conversation(
            messages={
                "data": [a_message(1, attachments=attachments), {"paging": paging, "x": NEXT}],
                "paging": paging,
            }
        ),
    )
    assert [each.kind for each in page.rejects] == ["conversation", "participant", "message"]
    said = page.conversations[0].messages
    rows = [each.raw_json for each in page.rejects]
    rows += [json.dumps(each.payload) for each in said.interactions]
    assert len(rows) == 4
    assert not [row for row in rows if SECRET in row]
    assert said.after == "c1"


@pytest.mark.parametrize(
    "body",
    [
        f'{{"paging":{{"next":"{NEXT}"}}'.encode(),
        f'{{"access_token":"{SECRET}", '.encode(),
        f"<a href='?access_token%3D{SECRET}'>".encode(),
        b"\xff\0" + NEXT.encode(),
        (b"[" * 10_000) + NEXT.encode(),
    ],
)
def test_an_excerpt_of_what_is_no_json_holds_no_token(body: bytes) -> None:
    said = json.dumps(redacted_excerpt(body))
    assert SECRET not in said
    assert "\\u0000" not in said
    assert len(said) < 10_000


def test_what_a_row_cannot_hold_is_kept_otherwise() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    page = listed(
        a_conversation(messages={"data": [a_message(1, x=float("nan"), y=10**25, z=deep)]}),
        {"id": "x", "n": float("inf"), "z": deep},
    )
    (said,) = page.conversations[0].messages.interactions
    assert (said.payload["x"], said.payload["y"]) == ("nan", str(10**25))
    assert json.dumps(said.payload["z"]).count("[") < DEPTH_MAX
    assert said.content_hash
    (reject,) = page.rejects
    assert json.loads(reject.raw_json)["n"] == "inf"
    assert redacted({"a": [1, "x", None, True]}) == {"a": [1, "x", None, True]}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"data": 5}', b"[" * 100_000, b'{"data": '])
def test_what_is_no_page_says_so(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        parse_list(body, PAGE)
    with pytest.raises(UnreadableError):
        parse_messages(body, PAGE, TOP)


def test_a_list_without_contents_was_not_read() -> None:
    bare = {"id": "t_1", "updated_time": "2026-09-21T14:13:20+0000"}
    assert [each.kind for each in listed(bare).rejects] == ["participant"]
    ids = parse_list(json.dumps({"data": [bare]}).encode(), PAGE, ids_only=True)
    assert (len(ids.entries), ids.rejects, ids.conversations) == (1, (), ())
