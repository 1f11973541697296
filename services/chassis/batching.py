"""Group commit: concurrent single calls become one batch, and each gets an outcome of its own.

The first item is flushed at once; what arrives while a flush runs forms the next batch, taken as
soon as that flush returns. There is no timer: a single call never waits for others, and under load
batches grow by themselves.

    async with GroupCommit(store.insert_leads, batch_items_max=200, waiting_items_max=10_000) as c:
        outcome = await c.submit(lead.id, lead)

`flush` receives the items of one batch by id, in order of arrival, and returns for each id its
outcome, or an `Exception` that only that item's caller sees. It must be atomic when it raises (one
transaction): the batch is then split in halves and tried again, so that an item that poisons its
batch fails by itself, with the exception that it causes. An exception that says nothing about an
item (`is_outage`, by default any `OSError`: lost connections, timeouts) fails the whole batch
without another try, since whether it took effect is unknown. A batch of n items costs at most
2n - 1 flushes.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from types import TracebackType
from typing import Generic, Self, TypeAlias, TypeVar
from uuid import UUID

Item = TypeVar("Item")
Result = TypeVar("Result")
Flush: TypeAlias = Callable[[Mapping[UUID, Item]], Awaitable[Mapping[UUID, Result | Exception]]]


class Overloaded(Exception):
    """As many items wait as may wait; the caller should answer "try again later"."""


class Closed(Exception):
    """The group commit takes nothing new, or was stopped before the item's outcome was known."""


class OutcomeMissing(Exception):
    """The flush returned no outcome for an item it was given: a bug in the flush."""


def is_connection_fault(fault: Exception) -> bool:
    """Whether the fault is about the connection and not about an item of the batch."""
    return isinstance(fault, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeBounds(Generic[Item]):
    """Bounds in bytes beside those in items: of a flush, and of all that no flush has taken yet.

    An item larger than a bound is still taken, in a batch of its own: bound single items before.
    """

    size_of: Callable[[Item], int]
    batch_bytes_max: int
    waiting_bytes_max: int


@dataclass(frozen=True, slots=True)
class _Failure:
    """An exception on its way to a caller, with the traceback it had when it was caught."""

    fault: Exception
    traceback: TracebackType | None


@dataclass(eq=False, frozen=True, slots=True)
class _Entry(Generic[Item, Result]):
    item_id: UUID
    item: Item
    answer: "asyncio.Future[Result | _Failure]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def settle(self, answer: Result | _Failure) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, fault: Exception) -> None:
        self.settle(_Failure(fault, fault.__traceback__))


class GroupCommit(Generic[Item, Result]):
    """Coalesces concurrent `submit` calls into batches for `flush`.

    Bounds: `batch_items_max` items a flush, `waiting_items_max` items that no flush has taken yet,
    `flushes_concurrent_max` flushes at a time; `sizes` where items differ much in size. With more
    than one flush at a time batches may finish out of order; within a batch the order is that of
    arrival.
    """

    def __init__(
        self,
        flush: Flush[Item, Result],
        *,
        batch_items_max: int,
        waiting_items_max: int,
        flushes_concurrent_max: int = 1,
        sizes: SizeBounds[Item] | None = None,
        is_outage: Callable[[Exception], bool] = is_connection_fault,
    ) -> None:
        if min(batch_items_max, waiting_items_max, flushes_concurrent_max) < 1:
            raise ValueError("the bounds of a group commit are at least 1")
        self._flush = flush
        self._batch_items_max = batch_items_max
        self._waiting_items_max = waiting_items_max
        self._flushes_concurrent_max = flushes_concurrent_max
        self._is_outage = is_outage
        self._sizes = sizes
        # Each with its size in bytes, 0 where sizes do not count.
        self._waiting: OrderedDict[_Entry[Item, Result], int] = OrderedDict()
        self._waiting_bytes = 0
        self._ids_in_flight: set[UUID] = set()
        self._lanes: set[asyncio.Task[None]] = set()
        self._closed = False
        # A flush serves many callers: it must not run in the trace of whichever came first.
        self._context = copy_context()

    @property
    def waiting_items(self) -> int:
        """How many items wait for a flush to take them, 0 to `waiting_items_max`."""
        return len(self._waiting)

    async def submit(self, item_id: UUID, item: Item) -> Result:
        """Put the item into the next batch and return its outcome.

        The same id submitted again while the first is under way is not merged with it: it waits
        for a later flush of its own, so ids are unique in a batch and between concurrent flushes.

        A cancelled caller withdraws an item that still waits; an item that a flush has taken is
        carried through, its outcome unread. Neither affects the other callers.

        Raises `Overloaded` at once when `waiting_items_max` items wait or the bytes that wait leave
        no room for it, `Closed` after `aclose`, `OutcomeMissing`, or whatever the flush reported
        for this item.
        """
        if self._closed:
            raise Closed("the group commit is closed")
        if len(self._waiting) >= self._waiting_items_max:
            raise Overloaded(f"{self._waiting_items_max} items are waiting already")
        size = self._size_with_room(item)
        entry: _Entry[Item, Result] = _Entry(item_id, item)
        self._waiting[entry] = size
        self._waiting_bytes += size
        self._open_lane()
        try:
            answer = await entry.answer
        finally:
            self._withdraw(entry)
        if isinstance(answer, _Failure):
            # One fault may reach many callers: without the reset each would lengthen its traceback.
            raise answer.fault.with_traceback(answer.traceback)
        return answer

    async def aclose(self) -> None:
        """Refuse new items and return when all that were accepted have their outcome.

        Cancelling it stops the flushes; callers whose outcome is then unknown get `Closed`.
        """
        self._closed = True
        try:
            while self._lanes:
                await asyncio.wait(self._lanes)
        except asyncio.CancelledError:
            for lane in self._lanes:
                lane.cancel()
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _size_with_room(self, item: Item) -> int:
        if self._sizes is None:
            return 0
        size = self._sizes.size_of(item)
        if self._waiting and self._waiting_bytes + size > self._sizes.waiting_bytes_max:
            raise Overloaded(f"{self._waiting_bytes} bytes are waiting already")
        return size

    def _withdraw(self, entry: _Entry[Item, Result]) -> None:
        self._waiting_bytes -= self._waiting.pop(entry, 0)

    def _open_lane(self) -> None:
        if len(self._lanes) >= self._flushes_concurrent_max:
            return
        lane = asyncio.create_task(self._run_lane(), context=self._context.copy())
        self._lanes.add(lane)

    async def _run_lane(self) -> None:
        lane = asyncio.current_task()
        assert lane is not None
        try:
            while batch := self._take():
                await self._flush_batch(batch)
        finally:
            # Not in a done callback: it runs a moment later, and an item submitted in between
            # would count on a lane that has ended.
            self._lanes.discard(lane)

    async def _flush_batch(self, batch: list[_Entry[Item, Result]]) -> None:
        ids = {entry.item_id for entry in batch}
        self._ids_in_flight |= ids
        try:
            await self._settle(batch)
        except BaseException:
            self._abandon(batch)
            raise
        finally:
            self._ids_in_flight -= ids

    def _take(self) -> list[_Entry[Item, Result]]:
        """The next batch: the oldest waiting items, each id once, without those in flight."""
        batch: dict[UUID, _Entry[Item, Result]] = {}
        bytes_left = self._sizes.batch_bytes_max if self._sizes else 0
        for entry, size in self._waiting.items():
            if len(batch) >= self._batch_items_max or (batch and size > bytes_left):
                break
            # A caller cancelled a moment ago has not run yet to withdraw its item.
            if entry.answer.cancelled():
                continue
            if entry.item_id not in batch and entry.item_id not in self._ids_in_flight:
                batch[entry.item_id] = entry
                bytes_left -= size
        for entry in batch.values():
            self._withdraw(entry)
        return list(batch.values())

    async def _settle(self, batch: list[_Entry[Item, Result]]) -> None:
        """Flush the batch, split as often as needed; every entry has its answer afterwards."""

        async def flush(part: Sequence[_Entry[Item, Result]]) -> None:
            outcomes = await self._flush({entry.item_id: entry.item for entry in part})
            for entry in part:
                _answer(entry, outcomes)

        try:
            await run_in_halves(batch, flush, failed=_Entry.fail, is_outage=self._is_outage)
        except Exception as outage:
            # Of what was answered before the outage nothing changes.
            for entry in batch:
                entry.fail(outage)

    def _abandon(self, batch: list[_Entry[Item, Result]]) -> None:
        stopped = Closed("the group commit was stopped before the outcome was known")
        self._closed = True
        for entry in (*batch, *self._waiting):
            entry.fail(stopped)


async def run_in_halves(
    items: Sequence[Item],
    run: Callable[[Sequence[Item]], Awaitable[None]],
    *,
    failed: Callable[[Item, Exception], None],
    is_outage: Callable[[Exception], bool] = lambda _: False,
) -> None:
    """Runs a batch, in halves where it raises, until an item that breaks it is by itself.

    `run` keeps nothing when it raises; `failed` is called with each item that fails by itself and
    what it raised. An exception that says nothing about an item (`is_outage`) rises at once. The
    items run in their order; n of them cost at most 2n - 1 runs.
    """
    parts = [items] if items else []
    while parts:
        part = parts.pop()
        try:
            await run(part)
        except Exception as error:
            if is_outage(error):
                raise
            if len(part) == 1:
                failed(part[0], error)
                continue
            middle = len(part) // 2
            parts += [part[middle:], part[:middle]]


def _answer(entry: _Entry[Item, Result], outcomes: Mapping[UUID, Result | Exception]) -> None:
    if entry.item_id not in outcomes:
        entry.fail(OutcomeMissing(f"the flush returned no outcome for {entry.item_id}"))
        return
    outcome = outcomes[entry.item_id]
    if isinstance(outcome, Exception):
        entry.fail(outcome)
    else:
        entry.settle(outcome)
