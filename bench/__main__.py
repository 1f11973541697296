"""`make bench`: measures and writes bench/results.md.

    make bench                               all parts, about ten minutes
    make bench ARGS="routing credits"        some of them
    make bench ARGS="--quick routing"        short runs, to see that it works; writes no file
    make bench ARGS="lead_path --against-baseline"
                                             the commit of bench/baseline and this one, three times
                                             each in turn; prints the ratios and writes no file

Every PostgreSQL it starts is durable (fsync and synchronous_commit on), in a folder of its own
that is removed afterwards.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from bench import baseline_tree, credits, lead_path, report, routing, scheduling, sync, webhooks
from bench.figures import Figure
from bench.machine import machine, settings
from bench.run import Measure, Run
from deploy.local.cluster import binaries

PARTS: Final[Mapping[str, Measure]] = {
    "webhooks": webhooks.measure,
    "routing": routing.measure,
    "credits": credits.measure,
    "lead_path": lead_path.measure,
    "scheduling": scheduling.measure,
    "sync": sync.measure,
}
# How often each tree is measured against the other.
TURNS: Final = 3
RESULTS: Final = Path(__file__).parent / "results.md"


def main() -> None:
    """Entry point."""
    arguments = _arguments()
    console = Console(highlight=False)
    if arguments.against_baseline:
        _compare(arguments.parts, console, quick=arguments.quick)
        return
    started = time.monotonic()

    def report_progress(sentence: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:6.1f} s  {sentence}[/dim]")

    with tempfile.TemporaryDirectory(prefix="waybill-bench-") as folder:
        # The servers run as users of their own, who must come through.
        Path(folder).chmod(0o711)
        for name in arguments.parts or PARTS:
            run = Run(
                quick=arguments.quick, folder=Path(folder) / name, report_progress=report_progress
            )
            run.folder.mkdir(mode=0o711)
            host = str(machine(_postgres_version()))
            figures = uvloop.run(_measured(PARTS[name], run))
            console.print(_table(name, figures))
            text = report.section(
                host, settings(), datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), figures
            )
            if arguments.out:
                report.write(arguments.out, {name: text}, list(PARTS))
                report_progress(f"{arguments.out} is written")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=…",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="short runs; no file is written")
    parser.add_argument(
        "--against-baseline", action="store_true", help="compare with the commit of bench/baseline"
    )
    parser.add_argument("--out", type=Path, help="write this file (default: bench/results.md)")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.parts) - set(PARTS)):
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if arguments.against_baseline and not arguments.parts:
        parser.error("--against-baseline: name the parts to compare")
    if arguments.out is None and not arguments.quick:
        arguments.out = RESULTS
    return arguments


def _compare(parts: Sequence[str], console: Console, *, quick: bool) -> None:
    """Measures both trees in turn, so that a change of the machine's load meets both."""
    with tempfile.TemporaryDirectory(prefix="waybill-baseline-") as scratch:
        Path(scratch).chmod(0o711)
        commit = baseline_tree.baseline_commit()
        console.print(f"preparing {commit[:12]}")
        with baseline_tree.baseline_tree(Path(scratch) / "tree", commit) as theirs:
            for part in parts:
                figures = _in_turn(part, theirs, Path(scratch), quick=quick)
                console.print(_ratio_table(part, figures))


def _in_turn(
    part: str, theirs: baseline_tree.Tree, scratch: Path, *, quick: bool
) -> dict[str, tuple[float, float, float]]:
    measured: dict[baseline_tree.Tree, list[dict[str, float]]] = {
        baseline_tree.this_tree(): [],
        theirs: [],
    }
    for turn in range(1 if quick else TURNS):
        for number, tree in enumerate(measured):
            out = scratch / f"{part}-{turn}-{number}.md"
            measured[tree].append(baseline_tree.measure(tree, part, out, quick=quick))
    ours, others = measured.values()
    return baseline_tree.ratios(ours, others)


def _ratio_table(part: str, figures: Mapping[str, tuple[float, float, float]]) -> Table:
    table = Table(title=part)
    for heading in ("what", "now", "baseline", "ratio"):
        table.add_column(heading)
    for what, (now, before, ratio) in figures.items():
        table.add_row(what, report.number(now), report.number(before), f"{ratio:.2f}")
    return table


async def _measured(measure: Measure, run: Run) -> list[Figure]:
    return await measure(run)


def _postgres_version() -> str:
    command = [str(binaries() / "postgres"), "--version"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _table(name: str, figures: Sequence[Figure]) -> Table:
    table = Table(title=name)
    for heading in ("what", "measured", "target", "beside it"):
        table.add_column(heading)
    for figure in figures:
        colour = {None: "", True: "[green]", False: "[red]"}[figure.met]
        target = report.number(figure.target.value) if figure.target else ""
        value = f"{colour}{report.number(figure.value)} {figure.unit}"
        table.add_row(figure.what, value, target, figure.beside)
    return table


if __name__ == "__main__":
    main()
