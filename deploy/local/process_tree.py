"""Finds and kills a process with its descendants."""

import contextlib
import os
import signal
from pathlib import Path


def _parent_pid(entry: Path) -> int | None:
    try:
        # The name in brackets may hold blanks and brackets: proc(5), /proc/pid/stat.
        return int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def children_of(pid: int) -> list[int]:
    """Process ids of the direct children of `pid`, at this moment."""
    entries = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [int(entry.name) for entry in entries if _parent_pid(entry) == pid]


def alive(pid: int) -> bool:
    """Whether `pid` still runs; a process that only waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def kill_tree(pid: int) -> list[int]:
    """SIGKILL to `pid` and its descendants; each is stopped first, so none is missed.

    Only for a child of ours that was not waited for yet: its id cannot belong to another process.
    Returns the process ids; they end a moment later, when the kernel gets to them.
    """
    killed = [pid]
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        for child in children_of(pid):
            killed += kill_tree(child)
        os.kill(pid, signal.SIGKILL)
    return killed
