"""Names and addresses: each is vetted before any is connected to."""

import asyncio
import socket
from collections.abc import Sequence

import pytest

from services.chassis.outbound.client import (
    ConnectFailed,
    OutboundClient,
    OutboundPolicy,
    OutboundTimedOut,
    RefusedBecause,
    UrlRefused,
)
from services.chassis.outbound.policy import CheckedUrl
from services.chassis.outbound.session import CALLING, _VettingSockets
from tests.unit.chassis.outbound.peers import (
    Names,
    Peer,
    a_policy,
    an_answer,
    answering,
    serving,
)


def named(peer: Peer) -> str:
    return f"http://buyer.test:{peer.port}/hook"


async def test_the_host_name_is_kept_while_the_vetted_address_is_connected_to() -> None:
    names = Names(["127.0.0.1"])
    async with (
        serving(answering(an_answer())) as peer,
        OutboundClient(a_policy(), lookup=names) as client,
    ):
        await client.request("POST", named(peer), {}, b"")
    assert names.asked == ["buyer.test"]
    assert f"\r\nhost: buyer.test:{peer.port}\r\n".encode() in peer.requests[0].lower()


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1", "10.0.0.1"],
        ["10.0.0.1", "127.0.0.1"],
        ["127.0.0.1", "::1"],
        ["127.0.0.1", "::ffff:127.0.0.1"],
        ["127.0.0.1", "fe80::1%eth0"],
        ["127.0.0.1", "8.8.8.8"],
    ],
)
async def test_one_bad_address_refuses_the_name(addresses: list[str]) -> None:
    async with (
        serving(answering(an_answer())) as peer,
        OutboundClient(a_policy(), lookup=Names(addresses)) as client,
    ):
        with pytest.raises(UrlRefused, match=r"buyer\.test") as refused:
            await client.request("POST", named(peer), {}, b"")
    # 8.8.8.8 is public, but only an exempt network may be called on any port.
    expected = RefusedBecause.PORT if "8.8.8.8" in addresses else RefusedBecause.ADDRESS
    assert refused.value.reason is expected
    assert refused.value.reached is False
    assert peer.connections == 0


async def test_a_name_that_changes_its_address_is_vetted_anew_on_each_connection() -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    async with (
        serving(answering(an_answer())) as peer,
        OutboundClient(a_policy(keepalive_seconds=0), lookup=names) as client,
    ):
        assert (await client.request("POST", named(peer), {}, b"")).status == 200
        with pytest.raises(UrlRefused):
            await client.request("POST", named(peer), {}, b"")
    assert names.asked == ["buyer.test", "buyer.test"]
    assert peer.connections == 1


async def test_a_kept_connection_is_used_again_without_asking_for_the_name() -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    async with (
        serving(answering(an_answer(), keep=True)) as peer,
        OutboundClient(a_policy(), lookup=names) as client,
    ):
        for _ in range(3):
            assert (await client.request("POST", named(peer), {}, b"")).status == 200
    assert names.asked == ["buyer.test"]
    assert peer.connections == 1


async def test_a_name_without_address_did_not_reach_the_peer() -> None:
    async def unknown(_: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for lookup in (unknown, Names([])):
        async with OutboundClient(a_policy(), lookup=lookup) as client:
            with pytest.raises(ConnectFailed, match="has no address") as failed:
                await client.request("POST", "http://buyer.test/", {}, b"")
        assert failed.value.reached is False


async def test_a_name_server_that_hangs_did_not_reach_the_peer() -> None:
    async def hang(_: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async with OutboundClient(a_policy(dns_seconds_max=0.05), lookup=hang) as client:
        with pytest.raises(OutboundTimedOut, match="not resolved in time") as failed:
            await client.request("POST", "http://buyer.test/", {}, b"")
    assert failed.value.reached is False


async def test_the_systems_names_are_vetted_too() -> None:
    policy = OutboundPolicy(http_hosts=frozenset({"localhost"}))
    async with OutboundClient(policy) as client:
        with pytest.raises(UrlRefused, match="loopback") as refused:
            await client.request("GET", "http://localhost/", {}, b"")
    assert refused.value.reason is RefusedBecause.ADDRESS


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"])
def test_no_socket_is_opened_for_a_bad_address_whoever_asks(address: str) -> None:
    token = CALLING.set(CheckedUrl(scheme="https", host="buyer.test", port=443, target="/"))
    try:
        with pytest.raises(UrlRefused):
            _VettingSockets(a_policy())((socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)))
    finally:
        CALLING.reset(token)


# TLS
