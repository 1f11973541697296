"""What every measurement is given: its length, its folder, its report of progress."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One call of `make bench`. `quick` shortens everything: such figures say little."""

    quick: bool
    folder: Path
    report_progress: Callable[[str], None]

    def pick(self, full: float, quick: float) -> float:
        """A duration or an amount: the full one, or the short run's."""
        return quick if self.quick else full


Measure = Callable[[Run], Awaitable[list[Figure]]]
