"""What of an exception may stand in a log: its type and where it was raised, never its text."""

from typing import Any

from structlog.typing import EventDict


def redact_exception_values(_: Any, __: str, event: EventDict) -> EventDict:
    """Keeps type and frames of a logged exception and drops its text, in groups too.

    A database's or parser's message may quote the row or input it failed on: personal data.
    """
    _redact(event.get("exception") or ())
    return event


def _redact(chain: Any) -> None:
    for chained in chain:
        if isinstance(chained, dict):
            chained["exc_value"] = ""
            for field in ("exc_notes", "syntax_error"):
                chained.pop(field, None)
            for member in chained.get("exceptions") or ():
                _redact(member)
