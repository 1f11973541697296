"""Writes bench/results.md: a section for each part, of which a run replaces only its own."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.figures import Figure

_SECTION: Final = re.compile(r"^## (.+)$", re.MULTILINE)
_HEAD: Final = """# Figures

Written by `make bench`; `make bench ARGS="routing credits"` measures those parts again and leaves
the other sections as they are, `ARGS=--help` says more. Everything runs on one machine: PostgreSQL,
services, edge, sandbox and the load generator share its cores. Load is offered over loopback and is
bounded in time; "open loop" means at fixed times, whatever was answered, with latencies counted
from the planned time. The files of PostgreSQL's log are there before, as on a server that has run
for a while: making one stalls all commits for some 15 ms every 16 MB.
"""


def section(machine: str, settings: str, measured_at: str, figures: Sequence[Figure]) -> str:
    """The text below a part's heading."""
    rows = "\n".join(_row(figure) for figure in figures)
    return (
        f"Measured {measured_at} on {machine}.\nPostgreSQL: {settings}.\n\n"
        "| what | measured | target | met | beside it |\n| --- | ---: | ---: | --- | --- |\n"
        f"{rows}\n"
    )


def _row(figure: Figure) -> str:
    cells = (
        figure.what,
        f"{number(figure.value)} {figure.unit}",
        _target(figure),
        {None: "", True: "yes", False: "**no**"}[figure.met],
        figure.beside,
    )
    return "| " + " | ".join(cells) + " |"


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return f"{'≤' if figure.target.at_most else '≥'} {number(figure.target.value)} {figure.unit}"


def number(value: float) -> str:
    """Three digits that matter: `12,300`, `1.52`, `0.0041`."""
    if value == 0 or value != value or value in (float("inf"), float("-inf")):
        return f"{value:g}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def merged(before: str, sections: dict[str, str], order: Sequence[str]) -> str:
    """The file's new text: given sections replace those of the same name, in that order."""
    parts = {**_sections(before), **sections}
    known = [name for name in order if name in parts]
    others = [name for name in parts if name not in order]
    body = "".join(f"\n## {name}\n\n{parts[name].strip()}\n" for name in (*known, *others))
    return _HEAD + body


def _sections(text: str) -> dict[str, str]:
    _, *rest = _SECTION.split(text)
    return dict(zip(rest[::2], rest[1::2], strict=True))


def write(path: Path, sections: dict[str, str], order: Sequence[str]) -> None:
    """Writes the sections into the file."""
    before = path.read_text() if path.exists() else ""
    path.write_text(merged(before, sections, order))
