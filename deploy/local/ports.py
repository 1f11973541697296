"""TCP ports of this machine: finding a free one, saying that one is taken."""

import errno
import random
import socket
from functools import cache
from pathlib import Path
from typing import Final

_OUTGOING: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_OUTGOING_MIN: Final = 32768
PORT_MIN: Final = 10240
_TRIES_MAX: Final = 100


class PortTaken(RuntimeError):
    """A port that a process was told to listen on is in use."""


def _bindable(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that connections in TIME_WAIT do not make a free port look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        return True


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nothing listens on at this moment, chosen at random.

    It is not reserved: the caller must be ready to find it taken and ask again.
    """
    for _ in range(_TRIES_MAX):
        port = random.randrange(PORT_MIN, _first_outgoing())
        if _bindable(host, port):
            return port
    raise PortTaken(f"No free port was found on {host} in {_TRIES_MAX} tries.")


@cache
def _first_outgoing() -> int:
    """The lowest port that the kernel gives to outgoing connections: ip(7), ip_local_port_range.

    Ours lie below: there, a client that calls before its server listens, or while it is being
    started again, could be given the server's port and keep it, even by connecting to itself.
    """
    try:
        lowest = int(_OUTGOING.read_text().split()[0])
    except OSError:
        return _OUTGOING_MIN
    return lowest if lowest > PORT_MIN else _OUTGOING_MIN


def taken_port(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something listens on `host:port`. Raises OSError when `host` is not ours."""
    return not _bindable(host, port)


def require_free_port(port: int, host: str = "127.0.0.1", *, wanted_by: str) -> None:
    """Raises PortTaken with a sentence for a person when `host:port` cannot be had."""
    try:
        taken = taken_port(port, host)
    except OSError as error:
        raise PortTaken(
            f"Port {port} on {host}, which {wanted_by} needs, cannot be had ({error.strerror}): "
            "choose another port."
        ) from error
    if taken:
        raise PortTaken(
            f"Port {port} on {host}, which {wanted_by} needs, is in use by another process: "
            f"end that process or choose another port."
        )
