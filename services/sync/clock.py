"""What time it is for a sync: the database's, or one that a test moves."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Protocol


class Clock(Protocol):
    """Says the time, waits, and says it to stored functions."""

    def now(self) -> datetime:
        """Now, as this process sees it."""

    def argument(self) -> dict[str, Any]:
        """`p_now` for a stored function; empty where the database's own clock decides."""

    async def sleep(self, seconds: float) -> None:
        """Returns after so many seconds."""


class RealClock:
    """The clock of the world; in functions the database's."""

    def now(self) -> datetime:
        """Now."""
        return datetime.now(UTC)

    def argument(self) -> dict[str, Any]:
        """Nothing: the database decides."""
        return {}

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)
