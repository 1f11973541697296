"""A scan through the list: what leads on, what is not trusted, and what ends nowhere."""

from dataclasses import replace

from services.sync.graph_lists import ListResponse
from services.sync.list_scan import EMPTY_RESPONSES_MAX, STALLS_MAX, ListScan, follow
from tests.unit.sync.lists import a_page


def two_pages() -> ListScan:
    """c1 brought the second one, which ends with t_3; c2 leads on."""
    scan: ListScan | None = ListScan()
    for page, cursor in ((a_page(0, 1, after="c1"), None), (a_page(2, 3, after="c2"), "c1")):
        assert scan is not None
        scan = follow(scan, cursor, page)
    assert scan is not None
    return scan


def redacted() -> ListScan:
    return replace(two_pages(), is_resumed=True)


def test_a_kept_cursor_is_not_trusted_the_page_before_is_read_again() -> None:
    assert two_pages().cursor == "c2"
    assert redacted().cursor == "c1"


def test_a_page_that_is_read_again_meets_what_was_read_or_the_place_is_lost() -> None:
    met = follow(redacted(), "c1", a_page(2, 3, after="c9"))
    assert met is not None
    assert (met.cursor, met.stalls) == ("c9", 0)
    # It begins above the last one, which has moved away.
    assert follow(redacted(), "c1", a_page(2, 4, after="c2")) is not None
    for wrong in (a_page(4, 5), a_page(after=None), a_page(9, after=None)):
        assert follow(redacted(), "c1", wrong) is None


def test_an_empty_page_meets_nothing_and_what_follows_it_has_to() -> None:
    empty = follow(redacted(), "c1", a_page(after="c1b"))
    assert empty is not None
    assert empty.cursor == "c1b"
    assert follow(empty, "c1b", a_page(3, 4)) is not None
    assert follow(empty, "c1b", a_page(7, 8)) is None
    # A run that ends there begins with the page that held something.
    assert replace(empty, is_resumed=True).cursor == "c1"


def test_a_walk_that_read_nothing_begins_at_the_top_again() -> None:
    empty = follow(ListScan(), None, a_page(after="c1"))
    assert empty is not None
    assert replace(empty, is_resumed=True).cursor is None


def steps_until_lost(pages: list[ListResponse], *, brings_new: bool = False) -> int:
    """How many pages are read of these, which lead round in a circle."""
    scan: ListScan | None = ListScan()
    steps = 0
    while scan is not None:
        assert steps < 200
        scan = follow(scan, scan.cursor, pages[steps % len(pages)], brings_new=brings_new)
        steps += 1
    return steps


def test_circles_of_any_length_are_left() -> None:
    for length in (1, 2, 3, 7):
        circle = [a_page(2 * n, 2 * n + 1, after=f"c{n}") for n in range(length)]
        assert steps_until_lost(circle) <= length + STALLS_MAX


def test_empty_pages_are_not_followed_for_ever() -> None:
    empty = [a_page(after=f"c{n}") for n in range(1000)]
    assert steps_until_lost(empty) == EMPTY_RESPONSES_MAX


def test_a_circle_that_each_run_enters_once_is_left_too() -> None:
    scan: ListScan | None = two_pages()
    runs = 0
    while scan is not None:
        assert runs < 50
        scan = follow(replace(scan, is_resumed=True), scan.last_cursor, a_page(2, 3, after="c2"))
        assert scan is not None
        scan = follow(scan, "c2", a_page(2, 3, after="c3"))
        runs += 1
        scan = scan and replace(scan, last_cursor="c1")
    assert runs == STALLS_MAX


def test_many_conversations_of_one_second_are_no_circle_while_they_are_new() -> None:
    same = a_page(5, 5, after="x")
    scan: ListScan | None = follow(ListScan(), None, same)
    for number in range(20):
        assert scan is not None
        scan = follow(scan, f"c{number}", replace(same, after=f"c{number + 1}"), brings_new=True)
    assert scan is not None


def test_the_same_cursor_again_leads_nowhere_whatever_it_brings() -> None:
    scan: ListScan | None = two_pages()
    steps = 0
    while scan is not None:
        assert steps < 50
        scan = follow(scan, "c2", a_page(4 + steps, after="c2"), brings_new=True)
        steps += 1
    assert steps == STALLS_MAX
