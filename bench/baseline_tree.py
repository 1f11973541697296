"""Another commit's tree beside this one, with an environment from its own lock.

bench/baseline names the commit by its full hash: tags do not always travel with a clone.
"""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
BASELINE: Final = Path(__file__).parent / "baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A checked-out commit and the Python that runs it."""

    folder: Path
    python: Path

    def bench(self, part: str, out: Path, *, quick: bool) -> list[str]:
        """The command that measures one part there and writes its figures into a file."""
        command = [str(self.python), "-m", "bench", part, "--out", str(out)]
        return [*command, "--quick"] if quick else command

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The variables for its commands: its own packages and nothing of ours."""
        return {name: value for name, value in inherited.items() if name != "PYTHONPATH"}


def this_tree() -> Tree:
    """The tree that this module is part of."""
    return Tree(folder=ROOT, python=Path(sys.executable))


def baseline_commit() -> str:
    """The full hash that bench/baseline names. Raises ValueError where it is not one."""
    commit = BASELINE.read_text().strip()
    if len(commit) != 40:
        raise ValueError(f"{BASELINE} must hold a commit's full hash: {commit}")
    return commit


def preparation(folder: Path, commit: str) -> list[list[str]]:
    """The commands that check the commit out into the folder and install what its lock pins."""
    uv = str(Path(sysconfig.get_path("scripts")) / "uv")
    python = str(_python_in(folder))
    return [
        ["git", "-C", str(ROOT), "worktree", "add", "--quiet", "--detach", str(folder), commit],
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder / ".venv")],
        [
            *(uv, "pip", "install", "--quiet", "--python", python, "--require-hashes"),
            *("-r", str(folder / "requirements.lock")),
        ],
        [
            *(uv, "pip", "install", "--quiet", "--python", python, "--no-deps"),
            *("--no-build-isolation", "-e", str(folder)),
        ],
    ]


@contextmanager
def baseline_tree(folder: Path, commit: str) -> Iterator[Tree]:
    """The commit's tree in the folder, which must not exist yet; removed when the block ends."""
    try:
        for command in preparation(folder, commit):
            subprocess.run(command, check=True)
        yield Tree(folder=folder, python=_python_in(folder))
    finally:
        remove = ["git", "-C", str(ROOT), "worktree", "remove", "--force", str(folder)]
        subprocess.run(remove, check=False)


def measure(tree: Tree, part: str, out: Path, *, quick: bool) -> dict[str, float]:
    """Measures one part in the tree; its figures by what they are of."""
    command = tree.bench(part, out, quick=quick)
    environment = tree.environment(os.environ)
    subprocess.run(command, check=True, cwd=tree.folder, env=environment, stdout=subprocess.DEVNULL)
    return figures_of(out.read_text())


def figures_of(results: str) -> dict[str, float]:
    """The measured values in the tables of a results file, by what they are of."""
    figures: dict[str, float] = {}
    for line in results.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        value = cells[1].partition(" ")[0].replace(",", "") if len(cells) > 1 else ""
        if line.startswith("|") and value.replace(".", "", 1).isdigit():
            figures[cells[0]] = float(value)
    return figures


def ratios(
    ours: Sequence[Mapping[str, float]], theirs: Sequence[Mapping[str, float]]
) -> dict[str, tuple[float, float, float]]:
    """For each figure that both have: our median, theirs, and ours as a share of theirs."""
    common = [name for name in ours[0] if all(name in each for each in (*ours, *theirs))]
    found = {}
    for name in common:
        our, their = (
            _median([each[name] for each in ours]),
            _median([each[name] for each in theirs]),
        )
        found[name] = (our, their, our / their if their else float("nan"))
    return found


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def _python_in(folder: Path) -> Path:
    return folder / ".venv" / "bin" / "python"
