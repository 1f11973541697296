"""What libraries and the interpreter say by themselves becomes lines of ours.

Their texts may quote rows and input (asyncio prints the exception of a task that nobody awaited),
so of a record stay the logger, the first line of its template with the arguments that cannot be
personal data, and the type and place of its exception.
"""

import logging
import sys
import threading
import warnings
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final

from services.chassis.telemetry.logs import log

HIDDEN: Final = "…"
_TEXT_MAX: Final = 200
_METHODS: Final = (
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
    (logging.INFO, "info"),
    (logging.NOTSET, "debug"),
)


def as_lines(level: str) -> None:
    """Sends standard logging, warnings and uncaught exceptions to `log`."""
    root = logging.getLogger()
    root.handlers = [_ToLines()]
    # What libraries tell below a warning is theirs to debug with.
    root.setLevel(max(logging.getLevelName(level), logging.WARNING))
    warnings.showwarning = _warned
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


class _ToLines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        method = next(method for least, method in _METHODS if record.levelno >= least)
        fields: dict[str, Any] = {"exc_info": record.exc_info} if record.exc_info else {}
        getattr(log, method)(text_of(record), logger=record.name, **fields)


def text_of(record: logging.LogRecord) -> str:
    """The record's text, as far as it can be told."""
    lines = str(record.msg).splitlines() or [""]
    template = lines[0][:_TEXT_MAX]
    arguments = record.args
    if not arguments or isinstance(arguments, Mapping):
        return template
    try:
        return template % tuple(_shown(argument) for argument in arguments)
    except (TypeError, ValueError):
        return template


def _shown(argument: object) -> object:
    """Numbers as they are, names of enums and types; nothing else."""
    if argument is None or isinstance(argument, int | float):
        return argument
    if isinstance(argument, Enum):
        return argument.name
    return argument.__name__ if isinstance(argument, type) else HIDDEN


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    log.warning("a warning", category=category.__name__, file=Path(filename).name, line=lineno)


def _uncaught(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
    log.error("uncaught", error=kind.__name__, exc_info=error)


def _uncaught_in_thread(given: Any) -> None:
    log.error("uncaught in a thread", error=given.exc_type.__name__, exc_info=given.exc_value)


def _unraisable(given: Any) -> None:
    log.error("uncaught in a finalizer", error=given.exc_type.__name__, exc_info=given.exc_value)
