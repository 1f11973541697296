"""Where a session stands: what an answer proves, and what is asked next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.sync.listing import Entry, ListedPage
from services.sync.position import (
    DONE,
    HEAD,
    LIST,
    RESTARTS_MAX,
    Position,
    after_list,
    from_json,
    next_ask,
    rejected,
    smaller,
    to_json,
)

TOP = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_page(*ages: int, after: str | None = "next") -> ListedPage:
    """Conversations last updated so many seconds before TOP."""
    entries = tuple(
        Entry(thread_id=f"t_{age}", updated_at=TOP - timedelta(seconds=age)) for age in ages
    )
    return ListedPage(entries=entries, after=after)


def step(position: Position, page: ListedPage, *, resumed: bool = False) -> Position:
    return after_list(position, next_ask(position, resumed=resumed), page, resumed=resumed)


def after_two_pages() -> Position:
    first = step(Position(), a_page(0, 1, after="c1"))
    return step(first, a_page(2, 3, after="c2"))


def test_a_walk_of_one_page_is_done_and_a_longer_one_looks_at_the_top_again() -> None:
    assert step(Position(), a_page(0, 1, after=None)).phase == DONE
    ended = step(after_two_pages(), a_page(4, after=None))
    assert (ended.phase, ended.after) == (HEAD, None)
    moved = step(ended, a_page(-2, 0, after="c1"))
    assert moved.phase == HEAD
    assert step(moved, a_page(1, after="c2")).phase == DONE


def test_what_moved_meanwhile_raises_the_watermark() -> None:
    ended = step(after_two_pages(), a_page(4, after=None))
    done = step(ended, a_page(-5, 0, 1, after="c1"))
    assert done.phase == DONE
    assert done.watermark_at == TOP + timedelta(seconds=5)


def test_a_kept_cursor_is_not_trusted_the_page_before_is_read_again() -> None:
    position = after_two_pages()
    assert next_ask(position, resumed=False).after == "c2"
    assert next_ask(position, resumed=True).after == "c1"


def test_a_page_that_is_read_again_meets_what_was_read_or_the_place_is_sought() -> None:
    position = after_two_pages()
    assert not step(position, a_page(2, 3, after="c2"), resumed=True).seeking
    # It begins above the last one, which has moved away.
    assert not step(position, a_page(2, 4, after="c2"), resumed=True).seeking
    for wrong in (a_page(4, 5), a_page(after=None), a_page(9, after=None)):
        assert step(position, wrong, resumed=True).seeking


def test_the_place_is_found_from_the_top_and_read_from_there() -> None:
    sought = rejected(after_two_pages())
    assert (next_ask(sought, resumed=False).kind, sought.after) == ("seek", None)
    further = step(sought, a_page(0, 1, after="s1"))
    found = step(further, a_page(2, 3, 4, after="s2"))
    assert (found.phase, found.seeking, found.after) == (LIST, False, "s1")


def test_seeking_is_given_up_after_so_many_times_and_proves_nothing() -> None:
    position = after_two_pages()
    for _ in range(RESTARTS_MAX):
        position = rejected(position)
        assert position.phase == LIST
    given_up = rejected(position)
    assert (given_up.phase, given_up.completeness) == (DONE, "partial")
    assert given_up.watermark_at is None


def test_an_incremental_walk_stops_below_its_bound() -> None:
    position = Position(until_at=TOP - timedelta(seconds=2))
    done = step(position, a_page(0, 3))
    assert (done.phase, done.completeness) == (DONE, "to_overlap")


def test_a_cursor_that_leads_nowhere_is_not_followed_for_ever() -> None:
    position = after_two_pages()
    for _ in range(3):
        position = step(position, a_page(2, 3, after="c2"))
    assert position.seeking


def test_smaller_parts_end_at_one() -> None:
    sizes, position = [], Position(limit=5)
    while smaller_one := smaller(position):
        position = smaller_one
        sizes.append(position.limit)
    assert sizes == [2, 1]


def test_a_position_survives_its_row() -> None:
    position = replace(after_two_pages(), until_at=TOP)
    assert from_json(to_json(position), limit=1, until_at=None) == position
    assert from_json({}, limit=7, until_at=TOP) == Position(limit=7, until_at=TOP)
