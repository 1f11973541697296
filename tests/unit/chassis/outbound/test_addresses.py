"""Only public unicast addresses may be connected to, in whatever dress a private one comes."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.outbound.addresses import (
    forbidden_family,
    is_forbidden_address,
    parse_address,
)

FORBIDDEN = [
    ("0.0.0.0", "this network"),
    ("0.255.255.255", "this network"),
    ("10.0.0.0", "private"),
    ("10.255.255.255", "private"),
    ("100.64.0.0", "carrier-grade NAT"),
    ("100.100.100.200", "carrier-grade NAT"),
    ("100.127.255.255", "carrier-grade NAT"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.255", "loopback"),
    ("168.63.129.16", "cloud platform"),
    ("169.254.0.0", "link-local"),
    ("169.254.169.254", "link-local"),
    ("172.16.0.0", "private"),
    ("172.31.255.255", "private"),
    ("192.0.0.0", "IETF protocol assignments"),
    ("192.0.0.9", "IETF protocol assignments"),
    ("192.0.0.170", "IETF protocol assignments"),
    ("192.0.0.192", "IETF protocol assignments"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.0", "6to4 relay anycast"),
    ("192.88.99.255", "6to4 relay anycast"),
    ("192.168.0.0", "private"),
    ("192.168.255.255", "private"),
    ("198.18.0.0", "benchmarking"),
    ("198.19.255.255", "benchmarking"),
    ("198.51.100.1", "documentation"),
    ("203.0.113.255", "documentation"),
    ("224.0.0.0", "multicast"),
    ("239.255.255.255", "multicast"),
    ("240.0.0.0", "reserved"),
    ("255.255.255.254", "reserved"),
    ("255.255.255.255", "broadcast"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::2", "IPv4-compatible"),
    ("::127.0.0.1", "IPv4-compatible"),
    ("::8.8.8.8", "IPv4-compatible"),
    ("::ffff:127.0.0.1", "IPv4-mapped"),
    ("::ffff:10.0.0.1", "IPv4-mapped"),
    ("::ffff:8.8.8.8", "IPv4-mapped"),
    ("::ffff:0:127.0.0.1", "SIIT"),
    ("::ffff:0:8.8.8.8", "SIIT"),
    ("64:ff9b::127.0.0.1", "NAT64 of loopback"),
    ("64:ff9b::10.1.2.3", "NAT64 of private"),
    ("64:ff9b::169.254.169.254", "NAT64 of link-local"),
    ("64:ff9b::100.64.0.1", "NAT64 of carrier-grade NAT"),
    ("64:ff9b::0.0.0.0", "NAT64 of this network"),
    ("64:ff9b::1:0:0", "not global unicast"),
    ("64:ff9b:1::", "local-use NAT64"),
    ("64:ff9b:1::10.0.0.1", "local-use NAT64"),
    ("64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local-use NAT64"),
    ("100::1", "discard-only"),
    ("100:0:0:1::1", "not global unicast"),
    ("200::1", "not global unicast"),
    ("1fff:ffff::1", "not global unicast"),
    ("2001::1", "Teredo"),
    ("2001:0:7f00:1::", "Teredo"),
    ("2001:1::1", "IETF protocol assignments"),
    ("2001:1::2", "IETF protocol assignments"),
    ("2001:2::1", "benchmarking"),
    ("2001:4:113::1", "IETF protocol assignments"),
    ("2001:5::1", "IETF protocol assignments"),
    ("2001:10::1", "ORCHID"),
    ("2001:1f:ffff::1", "ORCHID"),
    ("2001:40::1", "IETF protocol assignments"),
    ("2001:1ff:ffff::1", "IETF protocol assignments"),
    ("2001:db8::1", "documentation"),
    ("2001:db8:ffff::1", "documentation"),
    ("2002::1", "6to4"),
    ("2002:7f00:1::1", "6to4"),
    ("2002:808:808::1", "6to4"),
    ("2606:4700::5efe:10.0.0.1", "ISATAP"),
    ("2606:4700::200:5efe:192.168.0.1", "ISATAP"),
    ("2606:4700::5efe:8.8.8.8", "ISATAP"),
    ("3fff::1", "documentation"),
    ("3fff:fff::1", "documentation"),
    ("4000::1", "not global unicast"),
    ("5f00::1", "segment routing"),
    ("8000::1", "not global unicast"),
    ("fc00::1", "private"),
    ("fd00:ec2::254", "private"),
    ("fdff:ffff::1", "private"),
    ("fe80::1", "link-local"),
    ("fe80::5efe:10.0.0.1", "link-local"),
    ("febf::1", "link-local"),
    ("fec0::1", "site-local"),
    ("feff:ffff::1", "site-local"),
    ("ff00::1", "multicast"),
    ("ff02::1", "multicast"),
    ("ff0e::1", "multicast"),
]

NAT64_START = int(IPv6Address("64:ff9b::"))
WELL_KNOWN_NAT64 = range(NAT64_START, NAT64_START + 2**32)

PUBLIC = [
    "1.0.0.0",
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.0.3.0",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.98.255",
    "192.88.100.0",
    "192.167.255.255",
    "192.169.0.0",
    "192.175.48.1",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "64:ff9b::8.8.8.8",
    "2000::1",
    "2001:3::1",
    "2001:4:112::1",
    "2001:20::1",
    "2001:30::1",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2001:db7:ffff::1",
    "2001:db9::1",
    "2003::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:830::200e",
    "3ffe:ffff::1",
    "3fff:1000::1",
]


@pytest.mark.parametrize(("text", "family"), FORBIDDEN)
def test_an_address_that_is_not_public_is_forbidden(text: str, family: str) -> None:
    assert forbidden_family(ip_address(text)) == family
    assert is_forbidden_address(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_allowed(text: str) -> None:
    assert not is_forbidden_address(ip_address(text))


@given(st.integers(0, 2**32 - 1))
def test_well_known_nat64_is_judged_by_the_address_inside(number: int) -> None:
    inside = IPv4Address(number)
    outside = IPv6Address(NAT64_START + number)
    assert is_forbidden_address(outside) == is_forbidden_address(inside)


@pytest.mark.parametrize(
    "prefix",
    ["::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b:1::", "2002::", "2606::5efe:0:0", "2001::"],
)
@given(number=st.integers(0, 2**32 - 1))
def test_no_other_dress_of_an_ipv4_address_passes(prefix: str, number: int) -> None:
    assert is_forbidden_address(IPv6Address(int(IPv6Address(prefix)) + number))


@given(st.ip_addresses(v=4))
def test_what_the_standard_library_holds_for_private_is_forbidden_here(
    address: IPv4Address,
) -> None:
    if not address.is_global or address.is_multicast:
        assert is_forbidden_address(address)


@given(st.ip_addresses(v=6).filter(lambda address: int(address) >> 125 != 1))
def test_nothing_outside_global_unicast_passes_but_nat64(address: IPv6Address) -> None:
    if int(address) not in WELL_KNOWN_NAT64:
        assert is_forbidden_address(address)


@pytest.mark.parametrize("text", ["127.0.0.1", "::1", "8.8.8.8", "2606:4700:4700::1111"])
def test_the_usual_spelling_is_read(text: str) -> None:
    assert parse_address(text) == ip_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.1",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.01",
        "0x7f.0.0.1",
        "0x7f000001",
        "127.0.0.1.",
        " 127.0.0.1",
        "127.0.0.1\n",
        "١٢٧.0.0.1",
        "fe80::1%eth0",
        "::1%1",
        "[::1]",
        "1.1.1.256",
        "localhost",
    ],
)
def test_an_odd_spelling_is_not_an_address(text: str) -> None:
    assert parse_address(text) is None


def test_an_address_with_a_zone_is_forbidden_however_it_was_made() -> None:
    assert forbidden_family(IPv6Address("2606:4700::1%eth0")) == "scoped"
