"""Memory that processes keep for themselves, so that a queue in memory is seen to grow."""

from pathlib import Path
from typing import Final

from deploy.local.process_tree import children_of
from deploy.local.stack import Stack

MIB: Final = 2**20
# They come and go, with memory of their own for as long as they work.
_PASSING: Final = b"autovacuum"


def own_bytes(stack: Stack, names: tuple[str, ...]) -> dict[str, int]:
    """Anonymous memory of each process of these services and of PostgreSQL, by name and id."""
    roots = {name: stack.supervisor.pid(name) for name in names} | {"postgres": stack.postgres.pid}
    return {
        f"{name} {process}": _own_bytes_of(process)
        for name, root in roots.items()
        for process in _family(root)
    }


def grown(before: dict[str, int], after: dict[str, int], bytes_max: int) -> dict[str, str]:
    """The processes that were there before and grew by more than they may, and by how much."""
    return {
        process: f"{(after[process] - was) / MIB:.1f} MiB"
        for process, was in before.items()
        if after.get(process, 0) - was > bytes_max
    }


def _family(process: int) -> list[int]:
    return [process, *(each for child in children_of(process) for each in _family(child))]


def _own_bytes_of(process: int) -> int:
    """RssAnon of proc(5); 0 for a process that has ended or is only passing."""
    folder = Path(f"/proc/{process}")
    try:
        if _PASSING in folder.joinpath("cmdline").read_bytes():
            return 0
        lines = folder.joinpath("status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))
