"""`make run`: all of Waybill on this machine, with sample input and its traces.

    make run                 serve until Ctrl-C
    make run ARGS=--once     send the samples, then exit: 0 when each reached its end, else 1

Environment: WAYBILL_EDGE_PORT (8080), WAYBILL_STATE_DIR (.waybill).
"""

import argparse
import asyncio
import os
import secrets
import shlex
import sys
import time
from pathlib import Path

import aiohttp
from rich.console import Console

from deploy.local.customer import Customer, RefusedError, set_up
from deploy.local.identity import IdentityUnusable
from deploy.local.ports import PortTaken
from deploy.local.postgres import PostgresFailed
from deploy.local.processes import ProgramFailed, stop_signals
from deploy.local.samples import Outcome, SampleFailedError, Samples
from deploy.local.scheduling_samples import SchedulingSamples
from deploy.local.stack import Options, Stack, running
from deploy.local.state import write_private
from deploy.local.sync_samples import SyncSamples
from deploy.local.waterfalls import show_traces

DEFAULT_EDGE_PORT = 8080
_EXPECTED = (
    IdentityUnusable,
    PortTaken,
    PostgresFailed,
    ProgramFailed,
    RefusedError,
    SampleFailedError,
)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="make run ARGS=…", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--once", action="store_true", help="exit after the samples")
    arguments = parser.parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    raise SystemExit(asyncio.run(_run(console, once=arguments.once)))


async def _run(console: Console, *, once: bool) -> int:
    started = time.monotonic()

    def tell(sentence: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:6.1f} s  {sentence}[/dim]")

    try:
        port = int(os.environ.get("WAYBILL_EDGE_PORT") or DEFAULT_EDGE_PORT)
        async with stop_signals() as asked, running(None, Options(edge_port=port), tell) as stack:
            work = asyncio.create_task(_serve(console, stack, asked, once=once))
            return await _unless_stopped(console, stack, work, asked)
    except _EXPECTED as error:
        console.print(f"[bold red]failed:[/bold red] {error}", soft_wrap=True)
        return 1


async def _unless_stopped(
    console: Console, stack: Stack, work: "asyncio.Task[int]", asked: asyncio.Event
) -> int:
    """The work's exit code; 0 when Ctrl-C came first, 1 when a process crashed."""
    crash = asyncio.create_task(stack.supervisor.crashed())
    stop = asyncio.create_task(asked.wait())
    await asyncio.wait({work, crash, stop}, return_when=asyncio.FIRST_COMPLETED)
    for task in (work, crash, stop):
        if not task.done():
            task.cancel()
    if crash.done() and not crash.cancelled():
        console.print(f"[bold red]crashed:[/bold red] {crash.result()}", soft_wrap=True)
        return 1
    if asked.is_set():
        console.print("stopping")
    if work.done() and not work.cancelled():
        return work.result()
    return 0


async def _serve(console: Console, stack: Stack, asked: asyncio.Event, *, once: bool) -> int:
    run = secrets.token_hex(4)
    limit = aiohttp.ClientTimeout(total=15)
    async with aiohttp.ClientSession(timeout=limit) as session:
        customer = await set_up(
            session,
            edge_url=stack.edge_url,
            buyers_url=stack.buyers_url,
            keys=stack.keys,
            run=run,
        )
        environment = write_env(stack, customer)
        samples = Samples(
            customer,
            edge_url=stack.edge_url,
            meta_url=stack.meta_url,
            buyers_url=stack.buyers_url,
        )
        sync_samples = SyncSamples(customer, edge_url=stack.edge_url, meta_url=stack.meta_url)
        booking = SchedulingSamples(customer).booking
        for sample in (*samples.all(), booking, *sync_samples.all()):
            await _show(console, await sample(), environment)
    console.print("\n[bold green]every sample reached its end[/bold green]")
    if once:
        return 0
    console.print(
        f"\nserving at [bold]{stack.edge_url}[/bold] until Ctrl-C\n"
        f"  source {_shown(stack.state.env)}\n"
        "  waybill lead list\n"
        "  waybill verify\n"
    )
    await asked.wait()
    return 0


async def _show(console: Console, outcome: Outcome, environment: dict[str, str]) -> None:
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


if __name__ == "__main__":
    main()
