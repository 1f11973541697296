"""`python -m bench` as people call it."""

import asyncio
import sys
from pathlib import Path

import pytest

from deploy.local.state import ROOT


async def bench(*arguments: str) -> tuple[int, str]:
    """Exit code and everything it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench", *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


async def test_the_smallest_part_runs_quickly_and_writes_its_section(tmp_path: Path) -> None:
    out = tmp_path / "results.md"
    code, printed = await bench("--quick", "--out", str(out), "routing")
    assert code == 0, printed
    written = out.read_text()
    assert "## routing" in written
    assert "synchronous_commit=on" in written
    for batch in (1, 10, 50, 200):
        assert f"routing decisions, batches of {batch}," in written
    # Progress is shown.
    assert "PostgreSQL is starting" in printed


@pytest.mark.parametrize("part", ["nonsense", "routing,credits"])
async def test_a_part_that_is_none_is_refused_with_those_there_are(part: str) -> None:
    code, printed = await bench("--quick", part)
    assert code == 2
    assert "webhooks, routing, credits, lead_path" in printed
