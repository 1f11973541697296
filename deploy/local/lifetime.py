"""Ties a child process to its parent, so that nothing outlives the launcher."""

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
# Looked up before any fork: between fork and exec only the plain call is left to do.
_prctl = getattr(ctypes.CDLL(None), "prctl", None)


def die_with_parent(death_signal: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """A `preexec_fn` that makes the kernel send `death_signal` to the child when its parent ends.

    It holds after `kill -9` of the parent too. The parent is the *thread* that forks, so start
    children from a thread that lives as long as the process (the event loop's). Where the kernel
    has no such call (anything but Linux) the child is left untied.
    Source: prctl(2), PR_SET_PDEATHSIG; it is lost when the child changes its user afterwards.
    """
    parent_pid = os.getpid()

    def tie() -> None:
        if _prctl is None:
            return
        _prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        # The parent may have ended between fork and prctl: then no signal will ever come.
        if os.getppid() != parent_pid:
            os._exit(1)

    return tie
