"""Entry point of `make run`; what it does stands in `launcher`."""

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def _leave(_: int, __: FrameType | None) -> None:
    """Ends at once: nothing was started yet that would have to be stopped."""
    os.write(sys.stderr.fileno(), b"stopped before anything was started\n")
    os._exit(INTERRUPTED)


def main() -> None:
    """Listens for Ctrl-C first: what is imported then takes a second."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    from deploy.local.launcher import launch

    raise SystemExit(launch())


if __name__ == "__main__":
    main()
