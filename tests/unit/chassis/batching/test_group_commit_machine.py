"""Group commit as a state machine: submit, cancel, flush, fail and close in any order."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.chassis.batching import (
    GroupCommit,
    Overloaded,
)
from tests.unit.chassis.batching.flushes import (
    Outcomes,
    Poison,
    an_event_loop,
    an_id,
    commit_to,
)


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
