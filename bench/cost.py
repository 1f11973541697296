"""What work costs: CPU seconds of each process, statements and WAL bytes of the database."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import asyncpg

from deploy.local.process_tree import children_of
from deploy.local.stack import Stack

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


def cpu_ticks(stat: str, *, with_ended_children: bool = False) -> int:
    """User and system time in the text of /proc/<pid>/stat: fields 14 to 17 of proc(5)."""
    fields = stat.rpartition(")")[2].split()
    last = 15 if with_ended_children else 13
    return sum(int(field) for field in fields[11:last])


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A reading; the difference of two is a cost."""

    cpu_seconds: Mapping[str, float]
    statements: int
    wal_bytes: int

    def since(self, earlier: Self) -> "Meter":
        """What was spent between the two."""
        return Meter(
            cpu_seconds={
                name: seconds - earlier.cpu_seconds[name]
                for name, seconds in self.cpu_seconds.items()
            },
            statements=self.statements - earlier.statements,
            wal_bytes=self.wal_bytes - earlier.wal_bytes,
        )


async def read_meter(stack: Stack, admin: "asyncpg.Connection[asyncpg.Record]") -> Meter:
    """The stack's meter now; statements of the one who reads are left out.

    Needs the extension pg_stat_statements, which counts what clients send.
    """
    statements, wal_bytes = await admin.fetchrow(  # type: ignore[misc]
        """
        select
          (select coalesce(sum(calls), 0) from pg_stat_statements
            where userid <> current_user::regrole)::bigint,
          pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint
        """
    )
    cpu_seconds = {name: _seconds(stack.supervisor.pid(name)) for name in stack.services}
    # Envoy is its launcher's child.
    cpu_seconds["edge"] = family_seconds(stack.supervisor.pid("edge"))
    cpu_seconds["PostgreSQL"] = family_seconds(stack.postgres.pid)
    return Meter(cpu_seconds=cpu_seconds, statements=statements, wal_bytes=wal_bytes)


def _seconds(pid: int, *, with_ended_children: bool = False) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return cpu_ticks(stat, with_ended_children=with_ended_children) / _TICKS_PER_SECOND


def family_seconds(pid: int) -> float:
    """CPU seconds of a process and its children, those that have ended included."""
    running = sum(_seconds(child) for child in children_of(pid))
    return running + _seconds(pid, with_ended_children=True)
