"""`migrate up` of this tree under the running system of the release before, and its leads.

Sampled, the release's code runs on this tree's packages and is migrated once; in all, it runs in an
environment from its own lock and everything is applied ten times.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bench.baseline_tree import ROOT, Tree, baseline_tree
from services.chassis.migrate import plan, schemas, up
from tests.sampling import ALL

COMMIT = (Path(__file__).parent / "upgrade_from").read_text().strip()
PROGRAM = Path(__file__).parent / "release_before.py"
RUNS = 10 if ALL else 1


@contextmanager
def sampled_tree(folder: Path) -> Iterator[Tree]:
    """The release's files, run by this tree's Python."""
    folder.mkdir()
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", COMMIT], capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    yield Tree(folder=folder, python=Path(sys.executable))


@pytest.fixture
def release(tmp_path: Path) -> Iterator[Tree]:
    """The tree that tests/system/upgrade_from names."""
    has_commit = ["git", "-C", str(ROOT), "cat-file", "-e", f"{COMMIT}^{{commit}}"]
    if subprocess.run(has_commit, check=False, capture_output=True).returncode:
        pytest.skip(f"this clone does not have commit {COMMIT}")
    folder = tmp_path / "release"
    with baseline_tree(folder, COMMIT) if ALL else sampled_tree(folder) as tree:
        yield tree


async def upgraded_under_leads(tree: Tree, state: Path) -> dict[str, Any]:
    """What the release's callers saw while this tree's schemas were applied under it."""
    path = os.pathsep.join([str(tree.folder), str(tree.folder / "gen")])
    process = await asyncio.create_subprocess_exec(
        tree.python, PROGRAM, state,
        cwd=tree.folder, env={**os.environ, "PYTHONPATH": path},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        async with asyncio.timeout(400):
            url = (await process.stdout.readline()).decode().strip()
            await apply_this_tree(url)
            process.stdin.write(b"\n")
            report: dict[str, Any] = json.loads(await process.stdout.readline())
            assert await process.wait() == 0
            return report
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def apply_this_tree(url: str) -> None:
    """Applies every schema, again from the beginning for each further run."""
    connection = await asyncpg.connect(url)
    try:
        for run in range(RUNS):
            for schema in schemas():
                if run:
                    await connection.execute(f"delete from {schema.name}.applied_files")
                await up(schema, url)
        assert [await plan(schema, url) for schema in schemas()] == [[] for _ in schemas()]
    finally:
        await connection.close()


async def test_the_release_before_serves_through_the_upgrade_and_loses_nothing(
    release: Tree, tmp_path: Path
) -> None:
    report = await upgraded_under_leads(release, tmp_path / "state")
    assert report["posted_meanwhile"] > 0
    assert set(report["posted"]) | set(report["listed"]) <= {"200", "503"}
    assert report["lost"] <= 0
    assert report["undelivered"] == 0
    assert not report["crashed"]
