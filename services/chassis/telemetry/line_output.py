"""Where log lines go: straight to a file descriptor, or nowhere while it takes none.

Python's own standard output would keep what it could not write, and fail again at exit.
"""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from typing import Final

from services.chassis.telemetry.metrics import LOG_LINES_DROPPED

STANDARD_OUTPUT: Final = 1


class LineOutput:
    """Writes each line whole; drops and counts those that cannot be (a full disk, a closed pipe).

    The first line that is written again has one before it that says how many are missing.
    """

    def __init__(
        self,
        service: str,
        descriptor: int = STANDARD_OUTPUT,
        write: Callable[[int, bytes], int] = os.write,
    ) -> None:
        self._service = service
        self._descriptor = descriptor
        self._write = write
        # Loggers of libraries write from threads of their own.
        self._lock = Lock()
        self._dropped = 0
        # A disk that fills up may take the beginning of a line.
        self._is_torn = False

    def line(self, text: str) -> None:
        """Writes the line, or drops it."""
        with self._lock:
            try:
                self._write_all(f"{self._before()}{text}\n".encode(errors="replace"))
            except OSError:
                self._dropped += 1
                LOG_LINES_DROPPED.inc()
            else:
                self._dropped = 0

    # What structlog calls, by level.
    debug = info = warning = error = critical = line

    def _before(self) -> str:
        """The end of a torn line, and the notice of lines that are missing."""
        torn = "\n" if self._is_torn else ""
        return torn + self._notice() if self._dropped else torn

    def _notice(self) -> str:
        notice = {
            "service": self._service,
            "lines": self._dropped,
            "event": "log lines were dropped",
            "level": "warning",
            "time": datetime.now(UTC).isoformat(),
        }
        return json.dumps(notice) + "\n"

    def _write_all(self, data: bytes) -> None:
        left = data
        while left:
            left = left[self._write(self._descriptor, left) :]
            self._is_torn = bool(left)
