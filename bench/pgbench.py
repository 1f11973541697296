"""PostgreSQL's own load generator: what the same server does with the same rows alone."""

import asyncio
import os
import re
from pathlib import Path
from typing import Final

from deploy.local.cluster import binaries

_RATE: Final = re.compile(r"^tps = ([0-9.]+) \(without initial", re.MULTILINE)


class PgbenchFailedError(RuntimeError):
    """pgbench ended badly; the text is its own."""


def rate_in(printed: str) -> float:
    """Transactions a second, as pgbench printed them. Raises PgbenchFailedError."""
    found = _RATE.search(printed)
    if found is None:
        raise PgbenchFailedError(printed)
    return float(found[1])


async def pgbench(url: str, script: str, folder: Path, *, clients: int, seconds: float) -> float:
    """Transactions a second of the script, on so many connections."""
    file = folder / "pgbench.sql"
    file.write_text(script)
    process = await asyncio.create_subprocess_exec(
        str(binaries() / "pgbench"),
        *("--no-vacuum", "--protocol=prepared", f"--file={file}"),
        *(f"--client={clients}", f"--jobs={min(clients, 2)}", f"--time={max(round(seconds), 1)}"),
        url,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    if process.returncode:
        raise PgbenchFailedError(printed.decode(errors="replace"))
    return rate_in(printed.decode())
