"""Runs Envoy, and has it finish what runs before it ends.

    python -m deploy.edge.launcher envoy.json --admin-socket /run/edge/admin

SIGTERM and SIGINT drain it (`envoy.drain`), as SIGTERM of Envoy itself would cut running requests
off; a second one kills it. It is killed too when it has not ended a while after its drain. The exit
code is Envoy's; one that was ended by a signal ends this with 128 and the signal.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from deploy.edge.envoy import DRAIN_SECONDS_MAX, LISTEN_SECONDS, Admin, drain, envoy_command
from deploy.local.lifetime import send, with_death_signal

# Between SIGTERM and SIGKILL of Envoy: once drained it has nothing to do but to end.
_END_SECONDS_MAX = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an edge that is asked to stop goes on to listen, and how long it drains at most."""

    listen_seconds_min: float
    drain_seconds_max: float


async def launch(configuration: Path, admin: Admin, patience: Patience) -> int:
    """Runs Envoy until it ends or this is asked to stop; the exit code."""
    asked, hurried = asyncio.Event(), asyncio.Event()

    def stop() -> None:
        (hurried if asked.is_set() else asked).set()

    loop = asyncio.get_running_loop()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop_signal, stop)
    # A session of its own: Ctrl-C in a terminal goes to a whole group, and would cut off what runs.
    envoy = await asyncio.create_subprocess_exec(
        *with_death_signal(envoy_command(configuration)), start_new_session=True
    )
    ended = asyncio.create_task(envoy.wait())
    await _first(ended, asked.wait())
    if not ended.done():
        await _first(ended, hurried.wait(), _leave(envoy, admin, patience))
    if not ended.done():
        send(envoy, signal.SIGKILL)
    code = await ended
    return code if code >= 0 else 128 - code


async def _leave(envoy: Process, admin: Admin, patience: Patience) -> None:
    """Drains and ends it; returns when it should be gone."""
    # One that is not up yet, or is away, has nothing to finish; one that hangs will not.
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        await drain(
            admin,
            listen_seconds_min=patience.listen_seconds_min,
            seconds_max=patience.drain_seconds_max,
        )
    send(envoy, signal.SIGTERM)
    await asyncio.sleep(_END_SECONDS_MAX)


async def _first(ended: asyncio.Task[int], *others: Coroutine[Any, Any, object]) -> None:
    """Returns when Envoy has ended or one of the others is over; the rest is cancelled then."""
    tasks = [asyncio.create_task(other) for other in others]
    over, _ = await asyncio.wait({ended, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in over:
        task.result()


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.edge.launcher",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("configuration", type=Path, help="what `python -m deploy.edge` prints")
    parser.add_argument("--admin-socket", type=Path, required=True)
    parser.add_argument(
        "--listen-seconds-min",
        type=float,
        default=LISTEN_SECONDS,
        metavar="SECONDS",
        help="goes on to listen for so long, for callers that do not know yet (%(default)g)",
    )
    parser.add_argument(
        "--drain-seconds-max",
        type=float,
        default=DRAIN_SECONDS_MAX,
        metavar="SECONDS",
        help="then ends whatever still runs (%(default)g)",
    )
    chosen = parser.parse_args()
    admin = Admin(socket=chosen.admin_socket)
    patience = Patience(
        listen_seconds_min=chosen.listen_seconds_min, drain_seconds_max=chosen.drain_seconds_max
    )
    return asyncio.run(launch(chosen.configuration, admin, patience))


if __name__ == "__main__":
    sys.exit(main())
