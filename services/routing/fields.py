"""Fields of a request, parsed one by one; all that is wrong comes back together."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.chassis.errors import Violation, invalid
from services.chassis.trace import TraceContext, new_root, parse

NAME_CHARACTERS_MAX: Final = 200
PRIORITY_MAX: Final = 1_000_000
_NUL: Final = "\0"


class Fields:
    """Parses fields one by one and keeps what is wrong with them."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def refuse(self, field: str, description: str) -> None:
        """Notes that something is wrong with the field."""
        self.violations.append(Violation(field=field, description=description))

    def uuid(self, field: str, text: str) -> UUID:
        """The UUID; the nil one where it is none."""
        try:
            return UUID(text)
        except ValueError:
            self.refuse(field, "is not a UUID")
            return UUID(int=0)

    def name(self, field: str, text: str) -> str:
        """A name for people."""
        name = text.strip()
        if not 1 <= len(name) <= NAME_CHARACTERS_MAX:
            self.refuse(field, f"has no or more than {NAME_CHARACTERS_MAX} characters")
        return self.text(field, name)

    def text(self, field: str, text: str) -> str:
        """Text that the database can hold."""
        if _NUL in text:
            self.refuse(field, "contains a NUL character")
        return text

    def trace(self, field: str, traceparent: str, tracestate: str) -> TraceContext:
        """The context that a W3C traceparent names; a new one where it names none."""
        trace = parse(traceparent, tracestate)
        if trace is None:
            self.refuse(field, "is no W3C traceparent")
        return trace or new_root()

    def priority(self, field: str, priority: int) -> int:
        """A rule's place."""
        if not 0 <= priority <= PRIORITY_MAX:
            self.refuse(field, f"is not from 0 to {PRIORITY_MAX}")
        return priority

    def one_of(self, field: str, word: str, words: Sequence[str]) -> str:
        """One of the words."""
        if word not in words:
            self.refuse(field, f"is not one of {', '.join(words)}")
        return word

    def done(self) -> None:
        """Raises INVALID_REQUEST with all that was wrong."""
        if self.violations:
            raise invalid(*self.violations)
