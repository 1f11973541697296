"""`make run`: all of Waybill on this machine, with sample input and its traces.

    make run                 serve until Ctrl-C
    make run ARGS=--once     send the samples, then exit: 0 when each reached its end, else 1

Environment: WAYBILL_EDGE_PORT (8080), WAYBILL_STATE_DIR (.waybill). Ctrl-C ends it with 0 once it
serves, before that with 130. While it runs, a process that crashes is started again; one that keeps
crashing ends it with 1. With --once the first crash does.
"""

import argparse
import asyncio
import contextlib
import os
import secrets
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
from rich.console import Console
from rich.markup import escape

from deploy.local.ports import PortTaken
from deploy.local.postgres import PostgresFailed
from deploy.local.process_user import ProcessUserUnusable
from deploy.local.processes import ProgramFailed, stop_signals
from deploy.local.restarts import RestartPolicy, keep_running
from deploy.local.sample_customer import Customer, RefusedError, set_up
from deploy.local.samples import END_SECONDS_MAX, SampleFailedError, SampleResult, Samples
from deploy.local.scheduling_samples import SchedulingSamples
from deploy.local.stack import Options, Progress, Stack, running_stack
from deploy.local.state import StateUnusable, write_private
from deploy.local.sync_samples import SyncSamples
from deploy.local.waterfalls import show_traces
from services.chassis.migrate import MigrationFailedError

DEFAULT_EDGE_PORT = 8080
INTERRUPTED = 130


class SettingUnusable(ValueError):
    """An environment variable has a value that cannot be meant; the text names it."""


_EXPECTED = (
    ProcessUserUnusable,
    MigrationFailedError,
    PortTaken,
    PostgresFailed,
    ProgramFailed,
    RefusedError,
    SampleFailedError,
    SettingUnusable,
    StateUnusable,
    aiohttp.ClientError,
    asyncpg.PostgresError,
    # A full disk, a missing program, a file that another user owns.
    OSError,
)

_SAMPLE_FAILURES = (RefusedError, SampleFailedError, aiohttp.ClientError, TimeoutError)


def launch() -> int:
    """Runs until it is asked to stop; the exit code."""
    parser = argparse.ArgumentParser(
        prog="make run ARGS=…", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--once", action="store_true", help="exit after the samples")
    parser.add_argument(
        "--sample-seconds-max",
        type=float,
        default=END_SECONDS_MAX,
        metavar="SECONDS",
        help="longest wait for each step of a sample (%(default)g)",
    )
    arguments = RunArguments(**vars(parser.parse_args()))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    return asyncio.run(_run(console, arguments))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunArguments:
    """What was asked for on the command line."""

    once: bool
    sample_seconds_max: float


def edge_port(environment: Mapping[str, str]) -> int:
    """The port that the edge shall listen on. Raises SettingUnusable."""
    text = environment.get("WAYBILL_EDGE_PORT") or str(DEFAULT_EDGE_PORT)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535):
        raise SettingUnusable(
            f"WAYBILL_EDGE_PORT={text} is not a port: give a number from 1 to 65535"
        )
    return int(text)


async def _run(console: Console, arguments: RunArguments) -> int:
    started = time.monotonic()

    def report_progress(sentence: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:6.1f} s  {escape(sentence)}[/dim]")

    try:
        options = Options(edge_port=edge_port(os.environ))
        async with stop_signals() as asked:
            return await _until_asked(console, options, report_progress, asked, arguments)
    except _EXPECTED as error:
        text = escape(str(error) or type(error).__name__)
        console.print(f"[bold red]failed:[/bold red] {text}", soft_wrap=True)
        return 1


async def _until_asked(
    console: Console,
    options: Options,
    report_progress: Progress,
    asked: asyncio.Event,
    arguments: RunArguments,
) -> int:
    """The work's exit code; when Ctrl-C came first, whether it came before everything stood."""
    serving = asyncio.Event()
    work = asyncio.create_task(_work(console, options, report_progress, serving, arguments))
    stop = asyncio.create_task(asked.wait())
    await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if work.done():
        return work.result()
    console.print("stopping" if serving.is_set() else "stopping, before everything was ready")
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work
    return 0 if serving.is_set() else INTERRUPTED


async def _work(
    console: Console,
    options: Options,
    report_progress: Progress,
    serving: asyncio.Event,
    arguments: RunArguments,
) -> int:
    """The samples' exit code; 1 when a process keeps crashing, with --once when one crashed."""
    async with running_stack(None, options, report_progress) as stack:
        serve = asyncio.create_task(_serve(console, stack, report_progress, serving, arguments))
        crash = asyncio.create_task(_crash(console, stack, arguments))
        try:
            await asyncio.wait({serve, crash}, return_when=asyncio.FIRST_COMPLETED)
            if not crash.done():
                return serve.result()
            text = escape(crash.result())
            console.print(f"[bold red]crashed:[/bold red] {text}", soft_wrap=True)
            return 1
        finally:
            for task in (serve, crash):
                task.cancel()
            await asyncio.gather(serve, crash, return_exceptions=True)


async def _crash(console: Console, stack: Stack, arguments: RunArguments) -> str:
    """The crash that ends the run, in words."""
    # A run that only sends the samples is a check: what crashes in it is not put right.
    if arguments.once:
        return str(await stack.crashed())

    def report(text: str) -> None:
        console.print(f"[bold red]restart:[/bold red] {escape(text)}", soft_wrap=True)

    return await keep_running(stack, RestartPolicy(), report)


async def _serve(
    console: Console,
    stack: Stack,
    report_progress: Progress,
    serving: asyncio.Event,
    arguments: RunArguments,
) -> int:
    run = secrets.token_hex(4)
    limit = aiohttp.ClientTimeout(total=15)
    async with aiohttp.ClientSession(timeout=limit) as session:
        customer = await set_up(
            session,
            edge_url=stack.edge_url,
            buyers_url=stack.buyers_url,
            keys=stack.keys,
            run=run,
            report_wait=report_progress,
        )
        environment = write_env(stack, customer)
        samples = Samples(
            customer,
            edge_url=stack.edge_url,
            meta_url=stack.meta_url,
            buyers_url=stack.buyers_url,
            end_seconds_max=arguments.sample_seconds_max,
        )
        sync_samples = SyncSamples(customer, edge_url=stack.edge_url, meta_url=stack.meta_url)
        booking = SchedulingSamples(customer).booking
        in_order = (*samples.all(), booking, *sync_samples.all())
        try:
            for sample in in_order:
                await _show(console, await sample(), environment)
        except _SAMPLE_FAILURES as error:
            if arguments.once:
                raise
            # They build on each other: those after it are left out.
            text = escape(str(error) or type(error).__name__)
            console.print(f"\n[bold red]a sample failed:[/bold red] {text}", soft_wrap=True)
        else:
            console.print("\n[bold green]every sample reached its end[/bold green]")
    if arguments.once:
        return 0
    console.print(
        f"\nserving at [bold]{stack.edge_url}[/bold] until Ctrl-C\n"
        f"  source {escape(_shown(stack.state.env))}\n"
        "  waybill lead list\n"
        "  waybill verify\n"
    )
    serving.set()
    # Until Ctrl-C or a crash cancels it.
    await asyncio.Event().wait()
    return 0


async def _show(console: Console, outcome: SampleResult, environment: dict[str, str]) -> None:
    console.print(f"\n[bold]({outcome.name})[/bold] {outcome.happened}")
    for kind, value in outcome.found_by:
        await show_traces(console, kind, value, environment)


def write_env(stack: Stack, customer: Customer) -> dict[str, str]:
    """Writes the file that a shell sources, mode 600; answers what is in it."""
    environment = stack.environment(customer.org_id, customer.app_secret, customer.verify_token)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    write_private(stack.state.env, "\n".join(lines) + "\n")
    return environment


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
