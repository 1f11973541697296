"""Group commit: every caller gets the outcome of its own item, whatever happens to the others."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.chassis.batching import (
    Closed,
    GroupCommit,
    OutcomeMissing,
    Overloaded,
    SizeBounds,
    run_in_halves,
)

Outcomes = Mapping[UUID, str | Exception]


class Poison(Exception):
    """What the flush raises about a batch that holds a poison item."""


def an_id(number: int) -> UUID:
    return UUID(int=number)


def commit_to(
    flush: Callable[[Mapping[UUID, str]], Awaitable[Outcomes]], **bounds: Any
) -> GroupCommit[str, str]:
    return GroupCommit(flush, **{"batch_items_max": 100, "waiting_items_max": 1000} | bounds)


class Recorder:
    """A flush that notes its batches and answers at once; items named `poison…` spoil a batch."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    async def __call__(self, items: Mapping[UUID, str]) -> Outcomes:
        self.batches.append(list(items.values()))
        poison = [item for item in items.values() if item.startswith("poison")]
        if poison:
            raise Poison(poison[0])
        # Reversed, so that whoever read results by position would be found out.
        return {item_id: f"done {item}" for item_id, item in reversed(list(items.items()))}


class Gate:
    """A flush that stays under way until the test settles it."""

    def __init__(self) -> None:
        self.under_way: asyncio.Queue[tuple[Mapping[UUID, str], asyncio.Future[Outcomes]]] = (
            asyncio.Queue()
        )

    async def __call__(self, items: Mapping[UUID, str]) -> Outcomes:
        settled: asyncio.Future[Outcomes] = asyncio.get_running_loop().create_future()
        self.under_way.put_nowait((items, settled))
        return await settled

    async def next(self) -> tuple[list[str], Callable[[], None]]:
        """The items of the next flush, and a function that lets it succeed."""
        items, settled = await asyncio.wait_for(self.under_way.get(), 5)
        outcomes = {item_id: f"done {item}" for item_id, item in items.items()}
        return list(items.values()), lambda: settled.set_result(outcomes)


def submitting(commit: GroupCommit[str, str], *items: tuple[int, str]) -> list["asyncio.Task[str]"]:
    return [asyncio.create_task(commit.submit(an_id(number), item)) for number, item in items]


async def test_a_lone_item_is_flushed_at_once() -> None:
    recorder = Recorder()
    async with commit_to(recorder) as commit:
        assert await commit.submit(an_id(1), "a") == "done a"
    assert recorder.batches == [["a"]]


async def test_items_that_arrive_during_a_flush_form_the_next_batch_in_order_of_arrival() -> None:
    gate = Gate()
    async with commit_to(gate) as commit:
        first = submitting(commit, (1, "a"))
        batch, succeed = await gate.next()
        assert batch == ["a"]
        rest = submitting(commit, (3, "c"), (2, "b"), (4, "d"))
        await asyncio.sleep(0)
        succeed()
        batch, succeed = await gate.next()
        assert batch == ["c", "b", "d"]
        succeed()
        assert await asyncio.gather(*first, *rest) == ["done a", "done c", "done b", "done d"]


async def test_a_batch_never_exceeds_its_bound() -> None:
    recorder = Recorder()
    async with commit_to(recorder, batch_items_max=3) as commit:
        outcomes = await asyncio.gather(*submitting(commit, *((n, str(n)) for n in range(8))))
    assert outcomes == [f"done {n}" for n in range(8)]
    assert recorder.batches == [["0", "1", "2"], ["3", "4", "5"], ["6", "7"]]


async def test_a_poison_item_fails_alone_and_with_its_own_exception() -> None:
    recorder = Recorder()
    items = [(n, "poison 5" if n == 5 else str(n)) for n in range(16)]
    async with commit_to(recorder) as commit:
        outcomes = await asyncio.gather(*submitting(commit, *items), return_exceptions=True)
    assert [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Exception)] == [5]
    assert repr(outcomes[5]) == "Poison('poison 5')"
    # A single poison item costs two flushes a level: 16, 8+8, 4+4, 2+2, 1+1.
    assert len(recorder.batches) == 9


async def test_the_halves_of_a_split_batch_are_flushed_in_order_of_arrival() -> None:
    recorder = Recorder()
    items = [(n, "poison" if n == 2 else str(n)) for n in range(4)]
    async with commit_to(recorder) as commit:
        await asyncio.gather(*submitting(commit, *items), return_exceptions=True)
    assert recorder.batches[1:] == [["0", "1"], ["poison", "3"], ["poison"], ["3"]]


async def test_an_outage_fails_the_whole_batch_without_another_try() -> None:
    flushes = 0

    async def lose_connection(_: Mapping[UUID, str]) -> Outcomes:
        nonlocal flushes
        flushes += 1
        raise ConnectionResetError("gone")

    async with commit_to(lose_connection) as commit:
        outcomes = await asyncio.gather(
            *submitting(commit, *((n, str(n)) for n in range(8))), return_exceptions=True
        )
    assert [type(outcome) for outcome in outcomes] == [ConnectionResetError] * 8
    assert flushes == 1


async def test_an_outage_while_a_batch_is_being_split_ends_the_splitting() -> None:
    faults: list[Exception] = [Poison("somewhere"), ConnectionResetError("gone")]

    async def poison_then_outage(_: Mapping[UUID, str]) -> Outcomes:
        raise faults.pop(0)

    async with commit_to(poison_then_outage) as commit:
        outcomes = await asyncio.gather(
            *submitting(commit, *((n, str(n)) for n in range(4))), return_exceptions=True
        )
    assert [type(outcome) for outcome in outcomes] == [ConnectionResetError] * 4
    assert faults == []


async def test_the_caller_says_what_an_outage_is() -> None:
    recorder = Recorder()
    async with commit_to(recorder, is_outage=lambda fault: isinstance(fault, Poison)) as commit:
        outcomes = await asyncio.gather(
            *submitting(commit, (1, "a"), (2, "poison")), return_exceptions=True
        )
    assert [type(outcome) for outcome in outcomes] == [Poison, Poison]
    assert recorder.batches == [["a", "poison"]]


async def test_one_fault_for_many_callers_keeps_a_short_traceback() -> None:
    async def lose_connection(_: Mapping[UUID, str]) -> Outcomes:
        raise ConnectionResetError("gone")

    async with commit_to(lose_connection) as commit:
        outcomes = await asyncio.gather(
            *submitting(commit, *((n, str(n)) for n in range(100))), return_exceptions=True
        )
    fault = outcomes[-1]
    assert isinstance(fault, ConnectionResetError)
    frames, traceback = 0, fault.__traceback__
    while traceback:
        frames, traceback = frames + 1, traceback.tb_next
    assert frames <= 5


async def test_an_exception_returned_for_an_item_reaches_that_caller_only() -> None:
    async def refuse_second(items: Mapping[UUID, str]) -> Outcomes:
        return {i: ValueError("no") if i == an_id(2) else item for i, item in items.items()}

    async with commit_to(refuse_second) as commit:
        first, second = submitting(commit, (1, "a"), (2, "b"))
        assert await first == "a"
        with pytest.raises(ValueError, match=r"^no$"):
            await second


async def test_an_item_without_an_outcome_fails_alone() -> None:
    async def forget_second(items: Mapping[UUID, str]) -> Outcomes:
        return {item_id: item for item_id, item in items.items() if item_id != an_id(2)}

    async with commit_to(forget_second) as commit:
        first, second = submitting(commit, (1, "a"), (2, "b"))
        assert await first == "a"
        with pytest.raises(OutcomeMissing, match=str(an_id(2))):
            await second


async def test_a_cancelled_caller_withdraws_an_item_that_still_waits() -> None:
    gate = Gate()
    async with commit_to(gate) as commit:
        (first,) = submitting(commit, (1, "a"))
        _, succeed = await gate.next()
        second, third = submitting(commit, (2, "b"), (3, "c"))
        await asyncio.sleep(0)
        second.cancel()
        succeed()
        batch, succeed = await gate.next()
        assert batch == ["c"]
        succeed()
        assert (await first, await third) == ("done a", "done c")
    assert second.cancelled()


async def test_an_item_cancelled_in_the_moment_of_its_flush_is_withdrawn_too() -> None:
    gate = Gate()
    async with commit_to(gate) as commit:
        (first,) = submitting(commit, (1, "a"))
        _, succeed = await gate.next()
        second, third = submitting(commit, (2, "b"), (3, "c"))
        await asyncio.sleep(0)
        succeed()
        second.cancel()
        batch, succeed = await gate.next()
        assert batch == ["c"]
        succeed()
        assert (await first, await third) == ("done a", "done c")


async def test_an_item_in_flight_completes_though_its_caller_was_cancelled() -> None:
    gate = Gate()
    async with commit_to(gate) as commit:
        first, second = submitting(commit, (1, "a"), (2, "b"))
        batch, succeed = await gate.next()
        first.cancel()
        await asyncio.wait([first])
        succeed()
        assert await second == "done b"
    assert batch == ["a", "b"]


async def test_the_same_id_at_the_same_moment_gets_a_flush_of_its_own() -> None:
    gate = Gate()
    async with commit_to(gate, flushes_concurrent_max=2) as commit:
        twins = submitting(commit, (1, "a"), (1, "a again"), (2, "b"))
        batch, succeed = await gate.next()
        assert batch == ["a", "b"]
        # A second flush may run, but not with the id that is in flight.
        other = submitting(commit, (3, "c"))
        others, succeed_other = await gate.next()
        assert others == ["c"]
        succeed()
        batch, succeed = await gate.next()
        assert batch == ["a again"]
        succeed()
        succeed_other()
        assert await asyncio.gather(*twins) == ["done a", "done a again", "done b"]
        await asyncio.gather(*other)


async def test_a_full_waiting_room_refuses_at_once_and_opens_again() -> None:
    gate = Gate()
    async with commit_to(gate, waiting_items_max=2) as commit:
        first = submitting(commit, (1, "a"))
        _, succeed = await gate.next()
        waiting = submitting(commit, (2, "b"), (3, "c"))
        await asyncio.sleep(0)
        assert commit.waiting_items == 2
        with pytest.raises(Overloaded, match="2 items are waiting already"):
            await commit.submit(an_id(4), "d")
        succeed()
        _, succeed = await gate.next()
        late = submitting(commit, (4, "d"))
        succeed()
        _, succeed = await gate.next()
        succeed()
        assert len(await asyncio.gather(*first, *waiting, *late)) == 4


def by_length(*, batch: int = 100, waiting: int = 100) -> SizeBounds[str]:
    return SizeBounds(size_of=len, batch_bytes_max=batch, waiting_bytes_max=waiting)


async def test_bytes_that_wait_are_bounded_and_make_room_when_they_are_taken_or_withdrawn() -> None:
    gate = Gate()
    async with commit_to(gate, sizes=by_length(waiting=10)) as commit:
        first = submitting(commit, (1, "a"))
        _, succeed = await gate.next()
        waiting = submitting(commit, (2, "b" * 6), (3, "c" * 4))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="10 bytes are waiting already"):
            await commit.submit(an_id(4), "d")
        waiting.pop().cancel()
        await asyncio.sleep(0)
        late = submitting(commit, (4, "d" * 4))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await commit.submit(an_id(5), "e")
        succeed()
        _, succeed = await gate.next()
        last = submitting(commit, (6, "f" * 10))
        succeed()
        _, succeed = await gate.next()
        succeed()
        assert len(await asyncio.gather(*first, *waiting, *late, *last)) == 4


async def test_a_batch_holds_no_more_bytes_than_it_may_and_a_larger_item_goes_alone() -> None:
    gate = Gate()
    async with commit_to(gate, sizes=by_length(batch=10)) as commit:
        tasks = submitting(commit, (0, "first"))
        _, succeed = await gate.next()
        sizes = (4, 6, 1, 11, 5)
        tasks += submitting(commit, *[(n, "x" * size) for n, size in enumerate(sizes, start=1)])
        batches = []
        for _ in range(4):
            succeed()
            batch, succeed = await gate.next()
            batches.append([len(item) for item in batch])
        succeed()
        await asyncio.gather(*tasks)
    assert batches == [[4, 6], [1], [11], [5]]


async def test_an_item_larger_than_what_may_wait_is_taken_where_nothing_waits() -> None:
    async with commit_to(Recorder(), sizes=by_length(waiting=3)) as commit:
        assert await commit.submit(an_id(1), "larger") == "done larger"


async def test_closing_flushes_what_waits_and_refuses_what_is_new() -> None:
    gate = Gate()
    commit = commit_to(gate)
    tasks = submitting(commit, (1, "a"))
    _, succeed = await gate.next()
    tasks += submitting(commit, (2, "b"))
    await asyncio.sleep(0)
    closing = asyncio.create_task(commit.aclose())
    await asyncio.sleep(0)
    with pytest.raises(Closed):
        await commit.submit(an_id(3), "c")
    assert not closing.done()
    succeed()
    _, succeed = await gate.next()
    succeed()
    await closing
    assert [task.result() for task in tasks] == ["done a", "done b"]


async def test_callers_hear_when_closing_is_cut_short() -> None:
    gate = Gate()
    commit = commit_to(gate)
    tasks = submitting(commit, (1, "a"))
    await gate.next()
    tasks += submitting(commit, (2, "b"))
    closing = asyncio.create_task(commit.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Closed, Closed]
    assert closing.cancelled()


async def test_a_flush_does_not_run_in_the_context_of_one_caller() -> None:
    trace: ContextVar[str] = ContextVar("trace", default="none")
    seen = []

    async def look(items: Mapping[UUID, str]) -> Outcomes:
        seen.append(trace.get())
        return items

    async with commit_to(look) as commit:
        trace.set("caller")
        await commit.submit(an_id(1), "a")
    assert seen == ["none"]


@pytest.mark.parametrize(
    "bound", ["batch_items_max", "waiting_items_max", "flushes_concurrent_max"]
)
def test_a_bound_below_one_is_refused(bound: str) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        commit_to(Recorder(), **{bound: 0})


@contextmanager
def an_event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        loop.close()


@given(
    poisoned=st.lists(st.booleans(), max_size=40),
    batch_items_max=st.integers(1, 17),
    lanes=st.integers(1, 3),
)
def test_exactly_the_poison_items_fail_whatever_the_mix(
    poisoned: list[bool], batch_items_max: int, lanes: int
) -> None:
    items = [(n, f"poison {n}" if bad else f"{n}") for n, bad in enumerate(poisoned)]

    async def run() -> list[str | BaseException]:
        async with commit_to(
            Recorder(), batch_items_max=batch_items_max, flushes_concurrent_max=lanes
        ) as commit:
            return await asyncio.gather(*submitting(commit, *items), return_exceptions=True)

    with an_event_loop() as loop:
        outcomes = loop.run_until_complete(run())
    for (_, item), outcome in zip(items, outcomes, strict=True):
        expected = f"Poison({item!r})" if item.startswith("poison") else f"'done {item}'"
        assert repr(outcome) == expected


class GroupCommitMachine(RuleBasedStateMachine):
    """Submits, cancels, flush results and closing in any order, against a plain model."""

    LANES, BATCH, WAITING = 2, 3, 4

    def __init__(self) -> None:
        super().__init__()
        self.loop_context: AbstractContextManager[asyncio.AbstractEventLoop] = an_event_loop()
        self.loop = self.loop_context.__enter__()
        self.flushes: list[tuple[Mapping[UUID, str], asyncio.Future[None]]] = []
        self.commit = self.loop.run_until_complete(self.open())
        self.callers: dict[str, asyncio.Task[str]] = {}
        self.cancelled: set[str] = set()
        self.flushed: list[str] = []
        self.number = 0

    async def open(self) -> GroupCommit[str, str]:
        return commit_to(
            self.flush,
            batch_items_max=self.BATCH,
            waiting_items_max=self.WAITING,
            flushes_concurrent_max=self.LANES,
        )

    async def flush(self, items: Mapping[UUID, str]) -> Outcomes:
        released: asyncio.Future[None] = self.loop.create_future()
        self.flushes.append((items, released))
        await released
        if any(item.startswith("poison") for item in items.values()):
            raise Poison(*items.values())
        self.flushed += items.values()
        return {item_id: f"done {item}" for item_id, item in items.items()}

    def turn(self) -> None:
        """Let everything run that can run without the outside world."""

        async def settle() -> None:
            for _ in range(8):
                await asyncio.sleep(0)

        self.loop.run_until_complete(settle())

    @rule(item_id=st.integers(0, 5), poison=st.booleans())
    def submit(self, item_id: int, poison: bool) -> None:
        self.number += 1
        name = f"{'poison' if poison else 'item'} {self.number}"
        full = self.commit.waiting_items >= self.WAITING
        task = self.loop.create_task(self.commit.submit(an_id(item_id), name))
        self.turn()
        if full:
            assert isinstance(task.exception(), Overloaded)
        else:
            self.callers[name] = task

    @precondition(lambda self: any(not task.done() for task in self.callers.values()))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        open_names = [name for name, task in self.callers.items() if not task.done()]
        name = data.draw(st.sampled_from(open_names))
        self.callers[name].cancel()
        self.cancelled.add(name)
        self.turn()

    @precondition(lambda self: self.flushes)
    @rule(data=st.data())
    def finish_a_flush(self, data: st.DataObject) -> None:
        _, released = self.flushes.pop(data.draw(st.integers(0, len(self.flushes) - 1)))
        released.set_result(None)
        self.turn()

    @invariant()
    def flushes_keep_to_their_bounds(self) -> None:
        ids = [item_id for items, _ in self.flushes for item_id in items]
        assert len(self.flushes) <= self.LANES
        assert all(len(items) <= self.BATCH for items, _ in self.flushes)
        assert len(ids) == len(set(ids)), "one id in two flushes at a time"
        assert self.commit.waiting_items <= self.WAITING

    @invariant()
    def batches_keep_the_order_of_arrival(self) -> None:
        for items, _ in self.flushes:
            numbers = [int(item.split()[1]) for item in items.values()]
            assert numbers == sorted(numbers)

    @invariant()
    def nothing_waits_while_a_lane_is_idle(self) -> None:
        if not self.flushes:
            assert self.commit.waiting_items == 0

    def teardown(self) -> None:
        closing = self.loop.create_task(self.commit.aclose())
        self.turn()
        while self.flushes:
            self.flushes.pop(0)[1].set_result(None)
            self.turn()
        self.turn()
        assert closing.done()
        for name, task in self.callers.items():
            if name in self.cancelled:
                assert task.cancelled()
            elif name.startswith("poison"):
                assert repr(task.exception()) == f"Poison({name!r})"
            else:
                assert task.result() == f"done {name}"
        assert len(self.flushed) == len(set(self.flushed)), "an item took effect twice"
        self.loop_context.__exit__(None, None, None)


TestGroupCommitMachine = GroupCommitMachine.TestCase


class Halves:
    """Runs of batches: each that holds a poisoned number raises; one of `outage` is an outage."""

    def __init__(self, poison: set[int], outage: int | None = None) -> None:
        self.poison = poison
        self.outage = outage
        self.runs = 0
        self.done: list[int] = []
        self.failed: list[tuple[int, str]] = []

    async def run(self, numbers: Sequence[int]) -> None:
        self.runs += 1
        if self.outage is not None and list(numbers) == [self.outage]:
            raise OSError("away")
        if self.poison.intersection(numbers):
            raise Poison(str(sorted(self.poison.intersection(numbers))[0]))
        self.done += numbers

    async def over(self, numbers: Sequence[int]) -> None:
        await run_in_halves(
            numbers,
            self.run,
            failed=lambda number, error: self.failed.append((number, str(error))),
            is_outage=lambda error: isinstance(error, OSError),
        )


@given(st.integers(0, 40), st.sets(st.integers(0, 39)))
def test_halves_fail_the_poisoned_items_alone_in_order_and_within_2n_minus_1_runs(
    count: int, poison: set[int]
) -> None:
    halves = Halves(poison)
    asyncio.run(halves.over(range(count)))
    assert halves.done == [number for number in range(count) if number not in poison]
    assert halves.failed == [(number, str(number)) for number in range(count) if number in poison]
    assert halves.runs <= max(0, 2 * count - 1)


async def test_an_outage_among_the_halves_rises_and_leaves_the_rest() -> None:
    halves = Halves({0, 2}, outage=2)
    with pytest.raises(OSError, match="away"):
        await halves.over([0, 1, 2, 3])
    assert (halves.done, halves.failed) == ([1], [(0, "0")])
