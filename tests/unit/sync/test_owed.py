"""Messages that did not come along: asked for to the end, counted once, never for ever."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from services.sync.listing import ListedConversation, ListedPage, Messages
from services.sync.owed import IDLE_PAGES_MAX, PAGES_MAX, Inner, inner_completeness, owed_messages
from services.sync.position import Position, after_messages, next_ask, rejected, without_messages
from tests.unit.sync.lists import TOP


def an_inner(**changes: object) -> Inner:
    inner = Inner(
        thread_id="t",
        contact_external_id="c",
        contact_name="",
        updated_at=TOP,
        message_count=18,
        marks=("0", "1"),
        after="A",
    )
    return replace(inner, **changes)  # type: ignore[arg-type]


def some(*marks: int, after: str | None = None, is_cut: bool = False) -> Messages:
    return Messages(marks=tuple(str(each) for each in marks), after=after, is_cut=is_cut)


def calls_of(pages: Mapping[str | None, Messages]) -> tuple[int, Position]:
    position, calls = Position(inner=(an_inner(),)), 0
    while position.inner:
        assert calls < 200
        position = after_messages(position, pages[next_ask(position).after])
        calls += 1
    return calls, position


def test_pages_of_messages_are_read_to_the_end() -> None:
    calls, position = calls_of({"A": some(2, 3, after="B"), "B": some(4, after=None)})
    assert (calls, position.left_partial) == (2, False)


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
    pages: dict[str | None, Messages],
) -> None:
    calls, position = calls_of(pages)
    assert calls <= len(pages) + IDLE_PAGES_MAX
    assert position.left_partial
    assert position.held_at == TOP


def test_messages_without_end_are_left() -> None:
    position = Position(inner=(an_inner(),))
    for number in range(PAGES_MAX):
        position = after_messages(position, some(number + 2, after=f"c{number}"))
    assert position.inner == ()
    assert position.left_partial


def test_messages_that_come_twice_prove_nothing() -> None:
    inner = an_inner(message_count=4)
    assert inner_completeness(inner, some(0, 1)) == "partial"
    assert inner_completeness(inner, some(1, 2, 3)) == "full"
    assert inner_completeness(inner, some(1, 2, 3, after="B")) == "partial"
    assert inner_completeness(inner, some(1, 2, 3, is_cut=True)) == "partial"
    many = some(*range(2, 25))
    assert inner_completeness(an_inner(message_count=None), many) == "truncated_20"
    assert inner_completeness(an_inner(message_count=None), some(2)) == "full"


def test_a_refused_cursor_of_messages_is_asked_without_once_and_then_left() -> None:
    position = rejected(Position(inner=(an_inner(), an_inner(thread_id="u"))))
    assert next_ask(position).after is None
    assert position.inner[0].marks == ()
    left = rejected(position)
    assert [each.thread_id for each in left.inner] == ["u"]
    assert (left.completeness, left.held_at) == ("partial", TOP)


def test_the_watermark_stays_below_what_is_to_be_read_again() -> None:
    position = Position(phase="done", top_at=TOP, inner=(an_inner(updated_at=TOP.replace(hour=3)),))
    again = without_messages(position, again=True)
    assert (again.completeness, again.watermark_at) == ("partial", TOP.replace(hour=3))
    gone = without_messages(position, again=False)
    assert (gone.completeness, gone.watermark_at) == ("partial", TOP)


def test_what_is_settled_is_not_owed_again() -> None:
    conversation = ListedConversation(
        thread_id="t",
        contact_external_id="c",
        contact_name="",
        updated_at=TOP,
        message_count=9,
        messages=some(0, after="A"),
    )
    page = ListedPage(conversations=(conversation,))
    assert owed_messages(page, {"t"}) == ()
    (owed,) = owed_messages(page, set())
    assert (owed.after, owed.marks) == ("A", ("0",))
    cut = replace(conversation, messages=some(0, is_cut=True))
    (owed,) = owed_messages(ListedPage(conversations=(cut,)), set())
    assert (owed.after, owed.marks) == (None, ())
