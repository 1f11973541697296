"""What stands below a bar: the decision record and other facts of its row, a line each. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from services.console.waterfall import TraceEntry


def record_lines(entry: TraceEntry) -> list[str]:
    """The candidates of a decision, the sides of a ledger transaction, then the other facts."""
    facts = dict(entry.details)
    lines = [candidate_line(each) for each in facts.pop("candidates", None) or ()]
    lines += [credit_line(each) for each in facts.pop("entries", None) or ()]
    if facts:
        lines.append(" · ".join(f"{name} {_text(value)}" for name, value in facts.items()))
    return lines + list(_trace_lines(entry))


def candidate_line(candidate: Mapping[str, Any]) -> str:
    """A rule that was looked at: whether it matched, else the first predicate that was not true."""
    version = f" v{candidate['rule_version']}" if candidate.get("rule_version") else ""
    why = candidate.get("failing_predicate") or ""
    rule = f"rule {candidate.get('rule_id', '?')}{version} {candidate.get('result', '?')}"
    return f"{rule}: {why}" if why else rule


def credit_line(side: Mapping[str, Any]) -> str:
    """A side of a ledger transaction: what it moved, and the account after it."""
    amount = side.get("amount", 0)
    return f"{side.get('account', '?')} {amount:+d}, then {side.get('balance_after', '?')}"


def _trace_lines(entry: TraceEntry) -> Iterator[str]:
    if entry.attempt_trace_id:
        yield f"in a trace of its own: {entry.attempt_trace_id}"
    if entry.linked_trace_ids:
        yield f"linked to trace {', '.join(entry.linked_trace_ids)}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
