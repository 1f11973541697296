"""Text for a terminal: control characters in what others wrote must not reach it."""

from datetime import UTC, datetime
from typing import Final

_CONTROLS: Final = dict.fromkeys((*range(32), *range(127, 160)), "�")
_UNITS: Final = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def printable(text: str) -> str:
    """The text with its control characters (terminal escapes among them) replaced."""
    return text.translate(_CONTROLS)


def moment_text(moment: datetime) -> str:
    """A moment in UTC, to the millisecond: `2026-11-20 20:01:14.123Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


def duration_text(ms: float) -> str:
    """A duration with the unit that fits: `0.12 ms`, `1.24 s`, `3 min 20 s`, `2 d 5 h`."""
    if ms < 10:
        return f"{ms:.2f} ms"
    if ms < 999.95:
        return f"{ms:.1f} ms"
    if ms < 59_995:
        return f"{ms / 1000:.2f} s"
    seconds = round(ms / 1000)
    index = next(place for place, (_, size) in enumerate(_UNITS) if seconds >= size)
    (unit, size), (small_unit, small_size) = _UNITS[index], _UNITS[index + 1]
    return f"{seconds // size} {unit} {seconds % size // small_size} {small_unit}"
