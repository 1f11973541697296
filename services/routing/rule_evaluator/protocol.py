"""The messages between the service and the rule evaluator, a process of its own, and its limits.

Each message is msgpack behind its length in four bytes. Which rule the evaluator is at stands in a
small file that both processes have mapped, so that it is known when the kernel ends the evaluator
in the middle of a rule.
"""

import struct
from mmap import mmap
from typing import Any, Final

import msgspec

LENGTH: Final = struct.Struct("<I")
PROGRESS_BYTES: Final = 4096
_PROGRESS: Final = struct.Struct("<qq")
_NOT_STARTED: Final = (-1, -1)


class EvaluatorLimits(msgspec.Struct, frozen=True, kw_only=True):
    """CPU seconds for all rules of one lead and for one dry run; memory of the whole process."""

    lead_cpu_seconds: float = 0.1
    dry_run_cpu_seconds: float = 0.05
    memory_bytes: int = 256 * 2**20


class RuleResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What one rule's condition says about a lead.

    Without a match `failing_predicate` is the first predicate that was not true, and `error` is the
    engine's code ("NOT_FOUND") or the evaluator's ("OVERRAN", "REFUSED") where the predicate has no
    value. The engine's text is not kept: it may quote the lead.
    """

    matched: bool
    failing_predicate: str = ""
    error: str = ""


OVERRAN: Final = RuleResult(
    matched=False,
    failing_predicate="it took more time or memory than rules may on a lead",
    error="OVERRAN",
)


class LeadInput(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One lead's facts, and the positions of the rules that timed out on it and are skipped."""

    number: int
    facts: dict[str, Any]
    timed_out: list[int]


class OrgRules(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An org's conditions in the order of its rules, and the org's leads."""

    conditions: list[str]
    leads: list[LeadInput]


class EvaluationRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="evaluate"):
    """Leads to evaluate in about `seconds_max` seconds, at least one of them."""

    orgs: list[OrgRules]
    seconds_max: float


class DryRunRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="dry_run"):
    """A new condition, and the facts on which it costs most."""

    condition: str
    facts: dict[str, Any]


Request = EvaluationRequest | DryRunRequest


class LeadResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A lead's results in the order of the rules, up to the one that matched."""

    number: int
    results: list[RuleResult]


class ConditionProblem(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Why a condition is refused, and where in its text (both from 1)."""

    problem: str
    line: int = 1
    column: int = 1


class ResponsePart(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A part of the response; that of a dry run is empty where the condition is good."""

    leads: list[LeadResult] = []
    problem: ConditionProblem | None = None
    is_last: bool = True


class Progress:
    """The lead (its number) and the rule (its position) that the evaluator is at."""

    def __init__(self, memory: mmap) -> None:
        self._memory = memory
        self.clear()

    def clear(self) -> None:
        """The evaluator has not come to any rule."""
        _PROGRESS.pack_into(self._memory, 0, *_NOT_STARTED)

    def write(self, lead: int, rule: int) -> None:
        """The evaluator begins with this rule."""
        _PROGRESS.pack_into(self._memory, 0, lead, rule)

    def read(self) -> tuple[int, int] | None:
        """Lead and rule, or None."""
        lead, rule = _PROGRESS.unpack_from(self._memory, 0)
        return None if (lead, rule) == _NOT_STARTED else (lead, rule)
