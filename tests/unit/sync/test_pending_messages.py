"""MessagesResponse that did not come along: asked for to the end, counted once, never for ever."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from services.sync.graph_lists import ListedConversation, ListResponse, MessagesResponse
from services.sync.pending_messages import (
    IDLE_RESPONSES_MAX,
    RESPONSES_MAX,
    PendingMessages,
    completeness_after,
    pending_messages_of,
)
from services.sync.position import Position, next_request
from services.sync.transitions import after_messages_response, after_refused_cursor, skip_thread
from tests.unit.sync.lists import TOP


def an_inner(**changes: object) -> PendingMessages:
    pending = PendingMessages(
        thread_id="t",
        contact_external_id="c",
        contact_name="",
        updated_at=TOP,
        message_count=18,
        fingerprints=("0", "1"),
        after="A",
    )
    return replace(pending, **changes)  # type: ignore[arg-type]


def some(
    *fingerprints: int, after: str | None = None, lacks_cursor: bool = False
) -> MessagesResponse:
    return MessagesResponse(
        fingerprints=tuple(str(each) for each in fingerprints),
        after=after,
        lacks_cursor=lacks_cursor,
    )


def calls_of(pages: Mapping[str | None, MessagesResponse]) -> tuple[int, Position]:
    position, calls = Position(pending=(an_inner(),)), 0
    while position.pending:
        assert calls < 200
        position = after_messages_response(position, pages[next_request(position).after])
        calls += 1
    return calls, position


def test_pages_of_messages_are_read_to_the_end() -> None:
    calls, position = calls_of({"A": some(2, 3, after="B"), "B": some(4, after=None)})
    assert (calls, position.is_partial) == (2, False)


@pytest.mark.parametrize(
    "pages",
    [
        {"A": some(2, after="A")},
        {"A": some(2, after="B"), "B": some(3, after="A")},
        {"A": some(2, after="B"), "B": some(3, after="C"), "C": some(2, after="A")},
        {"A": some(after="B"), "B": some(after="A")},
    ],
    ids=["1", "2", "3", "empty"],
)
def test_a_circle_of_messages_is_left_and_read_again_by_a_later_session(
    pages: dict[str | None, MessagesResponse],
) -> None:
    calls, position = calls_of(pages)
    assert calls <= len(pages) + IDLE_RESPONSES_MAX
    assert position.is_partial
    assert position.watermark_at_max == TOP


def test_messages_without_end_are_left() -> None:
    position = Position(pending=(an_inner(),))
    for number in range(RESPONSES_MAX):
        position = after_messages_response(position, some(number + 2, after=f"c{number}"))
    assert position.pending == ()
    assert position.is_partial


def test_messages_that_come_twice_prove_nothing() -> None:
    pending = an_inner(message_count=4)
    assert completeness_after(pending, some(0, 1)) == "partial"
    assert completeness_after(pending, some(1, 2, 3)) == "full"
    assert completeness_after(pending, some(1, 2, 3, after="B")) == "partial"
    assert completeness_after(pending, some(1, 2, 3, lacks_cursor=True)) == "partial"
    many = some(*range(2, 25))
    assert completeness_after(an_inner(message_count=None), many) == "truncated_20"
    assert completeness_after(an_inner(message_count=None), some(2)) == "full"


def test_a_refused_cursor_of_messages_is_asked_without_once_and_then_left() -> None:
    position = after_refused_cursor(Position(pending=(an_inner(), an_inner(thread_id="u"))))
    assert next_request(position).after is None
    assert position.pending[0].fingerprints == ()
    left = after_refused_cursor(position)
    assert [each.thread_id for each in left.pending] == ["u"]
    assert (left.completeness, left.watermark_at_max) == ("partial", TOP)


def test_the_watermark_stays_below_what_is_to_be_read_again() -> None:
    position = Position(
        phase="done", top_at=TOP, pending=(an_inner(updated_at=TOP.replace(hour=3)),)
    )
    again = skip_thread(position, retry_later=True)
    assert (again.completeness, again.watermark_at) == ("partial", TOP.replace(hour=3))
    gone = skip_thread(position, retry_later=False)
    assert (gone.completeness, gone.watermark_at) == ("partial", TOP)


def test_what_is_settled_is_not_pending_again() -> None:
    conversation = ListedConversation(
        thread_id="t",
        contact_external_id="c",
        contact_name="",
        updated_at=TOP,
        message_count=9,
        messages=some(0, after="A"),
    )
    page = ListResponse(conversations=(conversation,))
    assert pending_messages_of(page, {"t"}) == ()
    (pending,) = pending_messages_of(page, set())
    assert (pending.after, pending.fingerprints) == ("A", ("0",))
    cut = replace(conversation, messages=some(0, lacks_cursor=True))
    (pending,) = pending_messages_of(ListResponse(conversations=(cut,)), set())
    assert (pending.after, pending.fingerprints) == (None, ())
