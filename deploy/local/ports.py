"""TCP ports of this machine: finding a free one, saying that one is taken."""

import errno
import socket


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
    """A TCP port that nobody listens on at this moment.

    It is not reserved: whoever binds it must be ready to find it taken and ask again.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


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
