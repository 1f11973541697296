"""`make clean` beside a launcher that holds the state folder."""

import asyncio
import os
import sys
from pathlib import Path

from deploy.local.state import ROOT, State


async def clean(folder: Path) -> tuple[int, str]:
    """The exit code of the real `make clean` in that folder, and what it said."""
    process = await asyncio.create_subprocess_exec(
        *("make", "-f", str(ROOT / "Makefile"), "clean", f"PYTHON={sys.executable}"),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_clean_is_refused_while_the_folder_is_held_and_works_afterwards(
    tmp_path: Path,
) -> None:
    (tmp_path / ".venv").mkdir()
    state = State.open(tmp_path / ".waybill")
    with state.held():
        code, said = await clean(tmp_path)
        assert code == 2
        assert (
            f"nothing was removed: `make run` (process {os.getpid()}) uses {state.folder}. End it"
            " (Ctrl-C in its terminal), then run `make clean` again."
        ) in said
        assert state.logs.is_dir()
        assert (tmp_path / ".venv").is_dir()
    assert (await clean(tmp_path))[0] == 0
    assert os.listdir(tmp_path) == []


async def test_clean_has_nothing_to_do_without_a_folder(tmp_path: Path) -> None:
    assert (await clean(tmp_path))[0] == 0
    assert os.listdir(tmp_path) == []
