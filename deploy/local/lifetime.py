"""Ends a child process when its parent ends, so that nothing outlives the launcher; signals it."""

import contextlib
import os
import shutil
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence

# The parent may have ended before the signal was set: then it will never come.
_STILL_THERE = 'test "$PPID" = "$0" && exec "$@"'


def setpriv() -> str | None:
    """The program that sets what a process inherits (util-linux); None where there is none."""
    return shutil.which("setpriv") if sys.platform == "linux" else None


def with_death_signal(
    command: Sequence[str], death_signal: signal.Signals = signal.SIGKILL
) -> list[str]:
    """The command, set to get `death_signal` from the kernel when its parent ends.

    It holds after `kill -9` of the parent too. The parent is the *thread* that starts it, so start
    children from a thread that lives as long as the process (the event loop's). The process id
    stays that of the command. Without `setpriv` the command is returned as it is.

    A small program does it before the command, not a `preexec_fn`: Python code between fork and
    exec crashes when threads of gRPC run at that moment.
    Source: prctl(2), PR_SET_PDEATHSIG; a change of the user loses it, so change the user before.
    """
    tool = setpriv()
    if tool is None:
        return list(command)
    name = death_signal.name.removeprefix("SIG")
    prefix = [tool, f"--pdeathsig={name}", "--"]
    return [*prefix, "/bin/sh", "-c", _STILL_THERE, str(os.getpid()), *command]


def send(process: Process, to_send: signal.Signals) -> None:
    """Sends a signal to a child; nothing where it has ended.

    `Process.send_signal` reaps a child that ends at that moment, and its exit code is lost (255).
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, to_send)
