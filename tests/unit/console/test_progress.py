"""What is waited for is said only when it takes long."""

import asyncio
from io import StringIO

from rich.console import Console

from services.console.progress import progress


class Shown(StringIO):
    """A stream that says when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)


async def test_a_quick_answer_shows_nothing() -> None:
    stream = Shown()
    async with progress("waiting for ingest", Console(file=stream), quiet_seconds=60):
        pass
    assert stream.getvalue() == ""


async def test_a_slow_answer_says_what_is_waited_for() -> None:
    stream = Shown()
    async with progress("waiting for ingest", Console(file=stream), quiet_seconds=0):
        await stream.written.wait()
    assert stream.getvalue().startswith("waiting for ingest")


async def test_on_a_terminal_it_is_gone_afterwards() -> None:
    stream = Shown()
    console = Console(file=stream, force_terminal=True, width=80)
    async with progress("waiting for ingest", console, quiet_seconds=0):
        await stream.written.wait()
    assert "waiting for ingest" in stream.getvalue()
    erase_line = "\x1b[2K"
    assert erase_line in stream.getvalue()
