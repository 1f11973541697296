"""What is known to be wrong with a request before its handler parses it.

The handler parses the request all the same, so that the caller gets all violations together; the
gate refuses it at the end, and until then nothing is written for it.
"""

import re
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Final

from services.chassis.errors import DomainError, Violation, invalid

# Where the name of a field goes on with one below it: `hours[3].weekday`.
_STEP: Final = re.compile(r"[.\[]")
_INVALID: Final = "INVALID_REQUEST"
_known: ContextVar[tuple[Violation, ...]] = ContextVar("known_violations", default=())


def set_known_violations(violations: Sequence[Violation]) -> None:
    """Says what is wrong with the request that the current task handles."""
    _known.set(tuple(violations))


def is_refused() -> bool:
    """Whether the request is refused whatever its handler finds."""
    return bool(_known.get())


def refuse_known() -> None:
    """Raises INVALID_REQUEST with the known violations, if any."""
    if known := _known.get():
        raise invalid(*known)


def with_known(error: DomainError) -> DomainError:
    """The handler's refusal with what was known before; only violations count beside that.

    What a handler says of a field that is missing says the same in other words.
    """
    known = _known.get()
    if not known:
        return error
    missing = {violation.field for violation in known}
    others = error.violations if error.reason == _INVALID else ()
    return invalid(*known, *(each for each in others if not _is_of(each.field, missing)))


def _is_of(field: str, fields: set[str]) -> bool:
    """Whether the field is one of them or below one."""
    above = (field[: found.start()] for found in _STEP.finditer(field))
    return field in fields or any(each in fields for each in above)
