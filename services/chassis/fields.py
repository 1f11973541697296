"""Fields of a request, parsed one by one; all that is wrong comes back together."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from services.chassis.errors import Violation, invalid
from services.chassis.known_violations import is_refused
from services.chassis.trace import TraceContext, new_root, parse

NAME_CHARACTERS_MAX: Final = 200
_NUL: Final = "\0"
_TRACEPARENT: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Fields:
    """Parses fields one by one and collects violations; `done` raises them all together.

    A method returns a harmless stand-in for a field that it refuses, so that parsing can go on. A
    violation says what is wrong and what would be right: it starts with "is", "has" or "must", and
    an example stands behind "for example".
    """

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def refuse(self, field: str, description: str) -> None:
        """Adds a violation."""
        self.violations.append(Violation(field=field, description=description))

    def uuid(self, field: str, text: str) -> UUID:
        """The UUID; the nil one where it is refused."""
        try:
            return UUID(text)
        except ValueError:
            self.refuse(field, "is not a UUID")
            return UUID(int=0)

    def optional_uuid(self, field: str, text: str) -> UUID | None:
        """The UUID, or None where the field is empty."""
        return self.uuid(field, text) if text else None

    def text(self, field: str, text: str, characters_max: int) -> str:
        """Text that the database can hold, trimmed."""
        trimmed = text.strip()
        if _NUL in trimmed:
            self.refuse(field, "has a NUL character")
        if len(trimmed) > characters_max:
            self.refuse(field, f"has more than {characters_max} characters")
        return trimmed

    def name(self, field: str, text: str) -> str:
        """A name for people: at least one character."""
        if not text.strip():
            self.refuse(field, "is blank")
        return self.text(field, text, NAME_CHARACTERS_MAX)

    def number(self, field: str, number: int, least: int, most: int) -> int:
        """A number within bounds, both included."""
        if not least <= number <= most:
            self.refuse(field, f"must be from {least} to {most}")
        return number

    def one_of(self, field: str, word: str, words: Collection[str]) -> str:
        """One of the words."""
        if word not in words:
            self.refuse(field, f"must be one of {', '.join(words)}")
        return word

    def trace(self, field: str, traceparent: str, tracestate: str) -> TraceContext:
        """The context that a W3C traceparent names; a new one where it is refused."""
        trace = parse(traceparent, self.text("tracestate", tracestate, 512))
        if trace is None:
            self.refuse(field, f"is not a W3C traceparent, for example {_TRACEPARENT}")
        return trace or new_root()

    def done(self) -> None:
        """Raises INVALID_REQUEST with all violations, if any; the gate adds what it knew before."""
        if self.violations or is_refused():
            raise invalid(*self.violations)


def parse_uuid(text: str, field: str) -> UUID:
    """The UUID of a request's only field. Raises INVALID_REQUEST."""
    fields = Fields()
    parsed = fields.uuid(field, text)
    fields.done()
    return parsed
