"""What a sandbox peer has seen, for tests to read and to wait for."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from aiohttp import web

Entry = TypeVar("Entry")


class Journal(Generic[Entry]):
    """Entries in the order they came; waiting for more of them needs no sleep."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._changed = asyncio.Condition()

    async def add(self, entry: Entry) -> None:
        """Appends and wakes all who wait."""
        async with self._changed:
            self.entries.append(entry)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forgets all entries."""
        self.entries.clear()

    async def at_least(
        self, count: int, seconds: float, *, counts: Callable[[Entry], bool] = lambda _: True
    ) -> list[Entry]:
        """The entries that count, once there are `count` of them or `seconds` have passed."""

        def matching() -> list[Entry]:
            return [entry for entry in self.entries if counts(entry)]

        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: len(matching()) >= count)
        except TimeoutError:
            pass
        return matching()


def wait_terms(request: web.Request) -> tuple[int, float]:
    """`?at_least=3&seconds=10` of a control call: answer when there are 3, after 10 s at last."""
    try:
        return int(request.query.get("at_least", "0")), float(request.query.get("seconds", "10"))
    except ValueError as error:
        raise web.HTTPBadRequest(text="at_least and seconds are numbers") from error
