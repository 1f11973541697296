"""Sums the seconds that tests take by their folder, and prints the sums at the end of a run."""

from collections import defaultdict
from pathlib import PurePosixPath

import pytest

_seconds: defaultdict[str, float] = defaultdict(float)
_counts: defaultdict[str, int] = defaultdict(int)


def folder_of(node_id: str) -> str:
    """The folder right below tests/ that a test lies in."""
    parts = PurePosixPath(node_id.partition("::")[0]).parts
    return parts[1] if len(parts) > 2 else parts[0]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Counts a phase of a test: set-up, call or end."""
    folder = folder_of(report.nodeid)
    _seconds[folder] += report.duration
    _counts[folder] += report.when == "call"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints a line for each folder, the slowest first."""
    terminalreporter.section("seconds by folder")
    for folder, seconds in sorted(_seconds.items(), key=lambda pair: -pair[1]):
        terminalreporter.line(f"{folder:<12} {seconds:8.1f} s  {_counts[folder]} tests")
