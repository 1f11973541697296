"""SIGTERM to a service, and its end in peace."""

import time
from typing import Final

from deploy.local.stack import Stack

# What the supervisor gives a service between SIGTERM and SIGKILL, less a margin.
GRACE_SECONDS: Final = 20.0


async def stop_in_grace(stack: Stack, name: str) -> None:
    """SIGTERM, and an end in peace that the supervisor did not have to force."""
    asked = time.monotonic()
    assert await stack.supervisor.stop(name) == 0
    assert time.monotonic() - asked < GRACE_SECONDS
