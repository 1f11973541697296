"""What the figures were measured on."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from bench.database import SETTINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine and its load before the measurement."""

    cores: int
    processor: str
    memory_gib: float
    load_before: float
    postgres: str

    def __str__(self) -> str:
        return (
            f"{self.cores} cores ({self.processor}), {self.memory_gib:.0f} GiB, "
            f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
            f"{self.postgres}, load average {self.load_before:.1f} before the start"
        )


def machine(postgres: str) -> Machine:
    """This one; `postgres` is what `postgres --version` says."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        cores=os.cpu_count() or 1,
        processor=_processor(Path("/proc/cpuinfo")),
        memory_gib=pages / 2**30,
        load_before=os.getloadavg()[0],
        postgres=postgres,
    )


def _processor(cpuinfo: Path) -> str:
    if not cpuinfo.exists():
        return platform.machine()
    lines = cpuinfo.read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def settings() -> str:
    """PostgreSQL's settings, as far as they are not its defaults, and the durable ones."""
    ours = ", ".join(f"{name}={value}" for name, value in SETTINGS.items())
    return f"fsync=on, synchronous_commit=on, full_page_writes=on, data checksums; {ours}"
