"""What the router and its judge, a process of its own, say to each other, and the limits there.

Each message is msgpack behind its length in four bytes. Where the judge is at stands in a small
file that both have mapped, so that it is known when the judge is ended in the middle of a rule.
"""

import struct
from mmap import mmap
from typing import Any, Final

import msgspec

LENGTH: Final = struct.Struct("<I")
PLACE_BYTES: Final = 4096
_PLACE: Final = struct.Struct("<qq")
_NOWHERE: Final = (-1, -1)


class JudgeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """CPU seconds that one lead's rules may take, or a new condition's trial; memory of it all."""

    lead_cpu_seconds: float = 0.1
    trial_cpu_seconds: float = 0.05
    memory_bytes: int = 256 * 2**20


class Verdict(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a condition says of a lead; without a match, the first predicate that was not true.

    `error` is the engine's code ("NOT_FOUND") where it could not say, or one of the judge's. The
    engine's text is not kept: it may quote the lead.
    """

    matched: bool
    failing_predicate: str = ""
    error: str = ""


OVERRAN: Final = Verdict(
    matched=False,
    failing_predicate="it took more time or memory than rules may on a lead",
    error="OVERRAN",
)


class Case(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One lead's facts, and which of its org's rules, by position, are passed over."""

    number: int
    facts: dict[str, Any]
    overran: list[int]


class Docket(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An org's conditions in their order, and its leads."""

    conditions: list[str]
    cases: list[Case]


class Hearing(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="hearing"):
    """Leads to judge in about so many seconds, at least one of them."""

    dockets: list[Docket]
    seconds_max: float


class Trial(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="trial"):
    """A new condition, and the facts on which it costs most."""

    condition: str
    facts: dict[str, Any]


Request = Hearing | Trial


class Judged(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A case's verdicts, in the order of the conditions, up to the one that matched."""

    number: int
    verdicts: list[Verdict]


class Refusal(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Why a condition is refused, and where in its text."""

    problem: str
    line: int = 1
    column: int = 1


class Answer(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A part of the answer; a trial's is empty where the condition is good."""

    judged: list[Judged] = []
    refusal: Refusal | None = None
    is_last: bool = True


class Place:
    """The case and the rule, by position, that the judge is at."""

    def __init__(self, page: mmap) -> None:
        self._page = page
        self.clear()

    def clear(self) -> None:
        """The judge is at none."""
        _PLACE.pack_into(self._page, 0, *_NOWHERE)

    def enter(self, case: int, rule: int) -> None:
        """The judge begins with this rule."""
        _PLACE.pack_into(self._page, 0, case, rule)

    def read(self) -> tuple[int, int] | None:
        """Case and rule, or None."""
        case, rule = _PLACE.unpack_from(self._page, 0)
        return None if (case, rule) == _NOWHERE else (case, rule)
