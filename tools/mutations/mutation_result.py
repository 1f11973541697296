"""Results of mutations, printed while they run."""

import sys
from dataclasses import dataclass, field


def say(sentence: str) -> None:
    """Prints a sentence at once."""
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


@dataclass(slots=True, kw_only=True)
class MutationResult:
    """How many mutations there were, and which of them no test noticed."""

    of: str
    count: int = 0
    survivors: list[str] = field(default_factory=list)

    def add(self, name: str, *, noticed: bool) -> None:
        """Counts a mutation in."""
        self.count += 1
        if not noticed:
            self.survivors.append(name)

    def __str__(self) -> str:
        noticed = self.count - len(self.survivors)
        return f"{self.of}: {noticed} of {self.count} mutations were noticed"
