"""Runs Envoy, and has it finish what runs before it ends.

    python -m deploy.edge.launcher envoy.json --admin-port 9901

SIGTERM and SIGINT drain it (`envoy.drain`), as SIGTERM of Envoy itself would cut running requests
off. The exit code is Envoy's; one that was ended by a signal ends this with 128 and the signal.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

import aiohttp

from deploy.edge.envoy import Admin, drain, envoy_command
from deploy.local.lifetime import tied


async def launch(configuration: Path, admin: Admin) -> int:
    """Runs Envoy until it ends or this is asked to stop; the exit code."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop_signal, asked.set)
    envoy = await asyncio.create_subprocess_exec(*tied(envoy_command(configuration)))
    ended, stop = asyncio.create_task(envoy.wait()), asyncio.create_task(asked.wait())
    await asyncio.wait({ended, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not ended.done():
        # One that is not up yet, or is away, has nothing to finish.
        with contextlib.suppress(aiohttp.ClientError):
            await drain(admin)
        with contextlib.suppress(ProcessLookupError):
            envoy.terminate()
    code = await ended
    return code if code >= 0 else 128 - code


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.edge.launcher",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("configuration", type=Path, help="what `python -m deploy.edge` prints")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--admin-socket", type=Path)
    where.add_argument("--admin-port", type=int)
    chosen = parser.parse_args()
    admin = Admin(socket=chosen.admin_socket, port=chosen.admin_port)
    return asyncio.run(launch(chosen.configuration, admin))


if __name__ == "__main__":
    sys.exit(main())
