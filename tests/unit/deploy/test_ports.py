"""Ports: finding a free one, naming a taken one."""

import socket
from pathlib import Path

import pytest

from deploy.local.ports import PORT_MIN, PortTaken, free_port, require_free_port, taken_port


def test_a_free_port_can_be_bound() -> None:
    port = free_port()
    assert not taken_port(port)
    with socket.create_server(("127.0.0.1", port)):
        assert taken_port(port)


def test_the_kernel_gives_a_free_port_to_no_outgoing_connection() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    if lowest <= PORT_MIN:
        pytest.skip("this machine's kernel gives every port to outgoing connections")
    assert all(free_port() < lowest for _ in range(100))


def test_a_taken_port_is_named_with_the_one_who_wants_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} on 127.0.0.1, which the edge needs"):
            require_free_port(port, wanted_by="the edge")


def test_a_free_port_is_no_error() -> None:
    require_free_port(free_port(), wanted_by="the edge")
