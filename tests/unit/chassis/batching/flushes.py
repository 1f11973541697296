"""Flushes for tests of group commits: one that records, one that a test holds back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from services.chassis.batching import (
    GroupCommit,
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


@contextmanager
def an_event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        loop.close()
