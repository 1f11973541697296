"""Where a session stands: what an answer proves, and what is asked next."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from services.sync.graph_lists import ListResponse
from services.sync.position import (
    DONE,
    LIST,
    PROOF,
    RESTORED_AFTER_CALLS,
    GraphRequest,
    Position,
    from_json,
    halve_limit,
    next_request,
    restore_limit,
    resume,
    to_json,
)
from services.sync.transitions import FRUITLESS_PROOFS_MAX, after_lost_place
from tests.unit.sync.lists import TOP, Reader, a_page, answering

PAGES = {
    None: a_page(0, 1, after="c1"),
    "c1": a_page(2, 3, after="c2"),
    "c2": a_page(4, 5, after="c3"),
    "c3": a_page(6, 7, after=None),
}
ALL = {f"t_{age}" for age in range(8)}


def kinds(reader: Reader) -> dict[str, int]:
    return dict(Counter(request.kind for request in reader.asks))


def test_one_page_proves_itself_and_a_longer_walk_is_proven_by_another_one_of_ids() -> None:
    single = Reader(answering({None: a_page(0, 1, after=None)}))
    assert single.to_the_end().completeness == "full"
    assert kinds(single) == {"list": 1}
    longer = Reader(answering(PAGES))
    done = longer.to_the_end()
    assert (done.completeness, done.watermark_at) == ("full", TOP)
    assert kinds(longer) == {"list": 4, "ids": 4}
    assert longer.read.keys() == ALL


@pytest.mark.parametrize("call", range(1, 9))
@pytest.mark.parametrize(
    "wrong",
    [a_page(after=None), PAGES[None], PAGES["c3"], a_page(6, after="c3"), a_page(after="c3")],
    ids=["end", "head", "last", "skip", "empty skip"],
)
def test_one_wrong_answer_whichever_it_is_certifies_no_hole(call: int, wrong: ListResponse) -> None:
    def answer(request: GraphRequest) -> ListResponse:
        is_wrong = len(reader.asks) == call and request.after is not None
        return wrong if is_wrong else PAGES[request.after]

    reader = Reader(answer)
    done = reader.to_the_end(80)
    assert (done.completeness, set(reader.read)) == ("full", ALL)


def test_what_moved_meanwhile_is_found_by_the_proof_and_raises_the_watermark() -> None:
    reader = Reader(answering(PAGES))
    while reader.position.phase == LIST:
        reader.step()
    reader.answer = answering({**PAGES, None: a_page(-5, 0, 1, after="c1")})
    done = reader.to_the_end()
    assert "t_-5" in reader.read
    assert done.watermark_at == TOP + timedelta(seconds=5)


def test_what_goes_on_moving_while_it_is_proven_is_left_to_the_next_session() -> None:
    def answer(request: GraphRequest) -> ListResponse:
        page = PAGES[request.after]
        if request.after is not None:
            return page
        # Somebody writes without a pause.
        first = replace(page.entries[0], updated_at=TOP + timedelta(seconds=len(reader.asks)))
        return replace(page, entries=(first, *page.entries[1:]))

    reader = Reader(answer)
    done = reader.to_the_end(40)
    assert done.completeness == "full"
    assert done.watermark_at is not None
    # Nothing older than the watermark is missing.
    assert max(reader.read.values()) >= done.watermark_at > TOP


def test_an_empty_end_however_often_is_no_end_above_what_was_read() -> None:
    reader = Reader(answering(PAGES))
    while reader.position.phase == LIST:
        reader.step()
    reader.answer = answering({None: PAGES[None], "c1": a_page(after=None)})
    done = reader.to_the_end()
    assert (done.completeness, done.watermark_at) == ("partial", None)


def test_a_hole_that_was_found_is_filled_and_proven_once_more() -> None:
    reader = Reader(answering({None: PAGES[None], "c1": a_page(after=None)}))
    while reader.position.phase == LIST:
        reader.step()
    reader.answer = answering(PAGES)
    done = reader.to_the_end()
    assert done.completeness == "full"
    assert reader.read.keys() == ALL
    # Three pages are found missing, read, and asked for again; then a walk finds nothing.
    assert kinds(reader) == {"list": 2 + 3, "ids": 1 + 3 * 2 + 4}


def test_ids_that_end_above_what_was_read_prove_nothing() -> None:
    reader = Reader(answering(PAGES))
    while reader.position.phase == LIST:
        reader.step()
    reader.answer = answering({None: a_page(0, 1, after=None)})
    reader.step()
    assert reader.position.phase == PROOF
    # Twice the same end: what lay below has moved or is gone.
    reader.step()
    assert (reader.position.phase, reader.position.gave_up) == (DONE, False)


@pytest.mark.parametrize("calls", [1, 2, 3, 5])
def test_runs_of_any_length_come_to_the_end(calls: int) -> None:
    reader = Reader(answering(PAGES))
    runs = 0
    while reader.position.phase != DONE:
        runs += 1
        assert runs < 40
        reader.position = resume(reader.position)
        made = 0
        while made < calls and reader.position.phase != DONE:
            reader.step()
            made += not reader.asks[-1].verifies_cursor
    assert reader.position.completeness == "full"
    assert reader.read.keys() == ALL


def test_a_fill_that_a_run_ended_in_goes_on_and_its_proof_is_proven_again() -> None:
    reader = Reader(answering({None: PAGES[None], "c1": a_page(after=None)}))
    while reader.position.phase == LIST:
        reader.step()
    # The ids of everything in two pages, the contents two conversations at a time.
    ids = {None: a_page(*range(4), after="c2"), "c2": a_page(4, 5, 6, 7, after=None)}
    reader.answer = lambda request: (ids if request.kind == "ids" else PAGES)[request.after]
    while reader.position.fill is None or reader.position.fill.responses == 0:
        reader.step()
    taken = resume(reader.position)
    assert next_request(taken).verifies_cursor
    reader.position = taken
    while reader.position.fill is not None:
        reader.step()
    assert reader.position.scan.is_resumed
    done = reader.to_the_end()
    assert (done.completeness, set(reader.read)) == ("full", ALL)


def test_a_place_that_is_always_lost_is_given_up_and_proves_nothing() -> None:
    position = after_lost_place(Position())
    for _ in range(FRUITLESS_PROOFS_MAX - 1):
        position = after_lost_place(position)
        assert position.phase == PROOF
    given_up = after_lost_place(position)
    assert (given_up.phase, given_up.completeness) == (DONE, "partial")
    assert given_up.watermark_at is None


def test_cursors_that_lead_round_in_a_circle_end_as_partial() -> None:
    circle = {None: a_page(0, 1, after="c1"), "c1": a_page(2, 3, after="c2"), "c2": PAGES[None]}
    reader = Reader(answering(circle))
    assert reader.to_the_end(80).completeness == "partial"


def test_an_incremental_walk_stops_below_its_bound() -> None:
    reader = Reader(answering(PAGES), Position(until_at=TOP - timedelta(seconds=2)))
    done = reader.to_the_end()
    assert (done.phase, done.completeness) == (DONE, "to_overlap")
    assert [request.after for request in reader.asks] == [None, "c1", None, "c1"]
    single = Reader(answering(PAGES), Position(until_at=TOP - timedelta(seconds=0.5)))
    assert single.to_the_end().completeness == "to_overlap"
    assert len(single.asks) == 1


def test_parts_get_smaller_down_to_one_and_grow_again_after_success() -> None:
    sizes, position = [], Position(limit=5, limit_max=5)
    while smaller_one := halve_limit(position):
        position = smaller_one
        sizes.append(position.limit)
    assert sizes == [2, 1]
    for size in (2, 4, 5):
        for _ in range(RESTORED_AFTER_CALLS):
            position = restore_limit(position)
        assert position.limit == size


def test_whatever_is_asked_for_is_as_small_as_was_found_to_work() -> None:
    small = Position(limit=1)
    assert next_request(small).limit == 1
    assert next_request(replace(small, phase=PROOF)).limit == 5
    assert next_request(replace(small, limit=100, phase=PROOF)).limit == 500


def test_a_position_survives_its_row() -> None:
    reader = Reader(answering(PAGES))
    reader.step()
    reader.step()
    position = replace(reader.position, until_at=TOP)
    assert from_json(to_json(position), limit=1, until_at=None) == position
    assert from_json({}, limit=7, until_at=TOP) == Position(limit=7, limit_max=7, until_at=TOP)
