"""Draws the consistency report: a line for each equation, the rows that break it below."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from services.console.consistency import ConsistencyReport, Equation, HandoffCheck, ServiceReport
from services.console.terminal_text import printable


def render_report(report: ConsistencyReport) -> Group:
    """The report for `rich`'s `Console.print`."""
    return Group(*_parts(report))


def _parts(report: ConsistencyReport) -> Iterator[RenderableType]:
    for service in report.services.values():
        yield from service_lines(service)
    yield Text("between services", style="bold")
    yield from (handoff_line(each, report.readings) for each in report.handoffs)
    for gap in report.gaps:
        yield Text.assemble((f"✗ {gap.service}: ", "bold red"), printable(gap.problem))
    yield summary(report)


def service_lines(service: ServiceReport) -> Iterator[RenderableType]:
    """One service's equations."""
    yield Text(service.service, style="bold")
    if not service.equations:
        yield Text("  it reports no equations", style="yellow")
    for equation in service.equations:
        yield from equation_lines(equation)


def equation_lines(equation: Equation) -> Iterator[RenderableType]:
    """An equation, and the rows that break it."""
    line = _marked(equation.holds, equation.name)
    if not equation.holds:
        line.append(f"  {_count(equation.violation_count, 'row')}", style="red")
    yield line
    for violation in equation.violations:
        yield Padding(Text(printable(violation), style="red"), (0, 0, 0, 6), expand=False)
    if equation.violations and equation.violation_count > len(equation.violations):
        more = equation.violation_count - len(equation.violations)
        yield Padding(Text(f"and {more} more", style="red"), (0, 0, 0, 6), expand=False)


def handoff_line(handoff: HandoffCheck, readings: int) -> Text:
    """A handoff with both totals, and how sure a difference is."""
    line = _marked(handoff.holds, handoff.name)
    line.append(f"  {_total(handoff.handed_over)} and {_total(handoff.taken_over)}")
    if handoff.unsettled_count:
        line.append(f", {handoff.unsettled_count} in flight, read again", style="yellow")
    if handoff.is_known and not handoff.holds:
        line.append(f", read {_count(readings, 'time')}", style="red")
    return line


def summary(report: ConsistencyReport) -> Text:
    """The result in one sentence."""
    if report.holds and report.unsettled_count:
        text = f"Everything is consistent, with {report.unsettled_count} in flight: read again."
        return Text(text, style="bold yellow")
    if report.holds:
        return Text("Everything is consistent.", style="bold green")
    return Text(f"{_count(report.broken_count, 'thing')} must be looked into.", style="bold red")


def _marked(holds: bool, name: str) -> Text:
    mark, style = ("✓", "green") if holds else ("✗", "bold red")
    return Text.assemble("  ", (mark, style), f" {printable(name)}")


def _total(value: int | None) -> str:
    return "unknown" if value is None else str(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
