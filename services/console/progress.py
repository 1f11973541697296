"""Shows what a command waits for once it takes longer than a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from rich.console import Console
from rich.text import Text

QUIET_SECONDS: Final = 1.0


@asynccontextmanager
async def progress(
    what: str, console: Console, *, quiet_seconds: float = QUIET_SECONDS
) -> AsyncIterator[None]:
    """Shows `what` on the console from `quiet_seconds` on until the block ends."""
    showing = asyncio.create_task(_show(what, console, quiet_seconds))
    try:
        yield
    finally:
        showing.cancel()
        with suppress(asyncio.CancelledError):
            await showing


async def _show(what: str, console: Console, quiet_seconds: float) -> None:
    await asyncio.sleep(quiet_seconds)
    if not console.is_terminal:
        console.print(Text(f"{what} …"))
        return
    with console.status(Text(what)):
        await asyncio.Event().wait()
