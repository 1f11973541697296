"""Ports: finding a free one, naming a taken one."""

import socket

import pytest

from deploy.local.ports import PortTaken, free_port, require_free_port, taken_port


def test_a_free_port_can_be_bound() -> None:
    port = free_port()
    assert not taken_port(port)
    with socket.create_server(("127.0.0.1", port)):
        assert taken_port(port)


def test_a_taken_port_is_named_with_the_one_who_wants_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} on 127.0.0.1, which the edge needs"):
            require_free_port(port, wanted_by="the edge")


def test_a_free_port_is_no_error() -> None:
    require_free_port(free_port(), wanted_by="the edge")
