"""The time of a sync: the database's, or one that a test moves."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Protocol


class Clock(Protocol):
    """Tells the time, waits, and tells stored functions the time."""

    def now(self) -> datetime:
        """Now, as this process sees it."""

    def argument(self) -> dict[str, Any]:
        """`p_now` for a stored function; empty where the database's own clock decides."""

    async def sleep(self, seconds: float) -> None:
        """Returns after so many seconds."""


class RealClock:
    """The system's clock; stored functions use the database's."""

    def now(self) -> datetime:
        """Now."""
        return datetime.now(UTC)

    def argument(self) -> dict[str, Any]:
        """Empty: the database decides."""
        return {}

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)
