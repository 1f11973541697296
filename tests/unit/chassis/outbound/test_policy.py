"""A URL is either plainly callable, or refused with a word and a sentence."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from services.chassis.config import OutboundSettings
from services.chassis.outbound.addresses import Network
from services.chassis.outbound.errors import RefusedBecause, UrlRefused
from services.chassis.outbound.policy import (
    CheckedUrl,
    OutboundPolicy,
    check_address,
    check_url,
    outbound_policy,
)

OPEN = OutboundPolicy()
LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
LOCAL = OutboundPolicy(
    allowed_networks=LOOPBACK, http_hosts=frozenset({"localhost", "127.0.0.1", "::1"})
)


def reason(url: str, policy: OutboundPolicy = OPEN) -> RefusedBecause:
    with pytest.raises(UrlRefused) as refused:
        check_url(url, policy)
    assert refused.value.reached is False
    assert str(refused.value).endswith(".")
    return refused.value.reason


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "text"),
    [
        ("https://example.com", "example.com", 443, "/", "https://example.com/"),
        ("HTTPS://Example.COM/Ab", "example.com", 443, "/Ab", "https://example.com/Ab"),
        ("https://example.com:443/x", "example.com", 443, "/x", "https://example.com/x"),
        ("https://a_b.example.com?q=%2F", "a_b.example.com", 443, "/?q=%2F", None),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", None),
        ("https://8.8.8.8/x", "8.8.8.8", 443, "/x", None),
        ("https://[2606:4700:0:0::1111]/", "2606:4700::1111", 443, "/", None),
        ("https://example.com//a/../b?x=@:/", "example.com", 443, "//a/../b?x=@:/", None),
        ("https://1e100.example.com1/", "1e100.example.com1", 443, "/", None),
    ],
)
def test_a_plain_url_is_taken_apart(
    url: str, host: str, port: int, target: str, text: str | None
) -> None:
    checked = check_url(url, OPEN)
    assert checked == CheckedUrl(scheme="https", host=host, port=port, target=target)
    assert text is None or checked.text == text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", RefusedBecause.MALFORMED),
        ("example.com/x", RefusedBecause.MALFORMED),
        ("https:example.com", RefusedBecause.MALFORMED),
        ("https:/example.com", RefusedBecause.MALFORMED),
        ("//example.com", RefusedBecause.MALFORMED),
        ("https://exa mple.com", RefusedBecause.MALFORMED),
        ("https://example.com/\r\nHost: evil", RefusedBecause.MALFORMED),
        ("https://example.com/\t", RefusedBecause.MALFORMED),
        ("https://example.com\\@evil.com/", RefusedBecause.MALFORMED),
        ("https://example.com/\x00", RefusedBecause.MALFORMED),
        ("https://exämple.com/", RefusedBecause.MALFORMED),
        ("https://\uff11\uff12\uff17.0.0.1/", RefusedBecause.MALFORMED),
        ("https://127\u30020\u30020\u30021/", RefusedBecause.MALFORMED),
        ("https://example.com/\ud800", RefusedBecause.MALFORMED),
        ("https://example.com/" + "x" * 2048, RefusedBecause.MALFORMED),
        ("http://example.com/", RefusedBecause.SCHEME),
        ("ftp://example.com/", RefusedBecause.SCHEME),
        ("file:///etc/passwd", RefusedBecause.SCHEME),
        ("gopher://example.com/", RefusedBecause.SCHEME),
        ("https://user@example.com/", RefusedBecause.USERINFO),
        ("https://user:pass@example.com/", RefusedBecause.USERINFO),
        ("https://@example.com/", RefusedBecause.USERINFO),
        ("https://example.com:443@127.0.0.1/", RefusedBecause.USERINFO),
        ("https://example.com/#x", RefusedBecause.FRAGMENT),
        ("https://evil.com#@example.com/", RefusedBecause.FRAGMENT),
        ("https://", RefusedBecause.HOST),
        ("https:///x", RefusedBecause.HOST),
        ("https://:443/", RefusedBecause.HOST),
        ("https://example..com/", RefusedBecause.HOST),
        ("https://.example.com/", RefusedBecause.HOST),
        ("https://-example.com/", RefusedBecause.HOST),
        ("https://exa%6dple.com/", RefusedBecause.HOST),
        ("https://127.0.0.1%2f.example.com/", RefusedBecause.HOST),
        ("https://" + "a" * 64 + ".com/", RefusedBecause.HOST),
        ("https://" + "a." * 130 + "com/", RefusedBecause.HOST),
        ("https://example.com:/", RefusedBecause.HOST),
        ("https://example.com:x/", RefusedBecause.HOST),
        ("https://example.com:-1/", RefusedBecause.HOST),
        ("https://example.com:443:443/", RefusedBecause.HOST),
        ("https://::1/", RefusedBecause.HOST),
        ("https://[::1/", RefusedBecause.HOST),
        ("https://[::1]x/", RefusedBecause.HOST),
        ("https://example.com./", RefusedBecause.TRAILING_DOT),
        ("https://127.0.0.1./", RefusedBecause.TRAILING_DOT),
        ("https://2130706433/", RefusedBecause.ODD_ADDRESS),
        ("https://127.1/", RefusedBecause.ODD_ADDRESS),
        ("https://0177.0.0.1/", RefusedBecause.ODD_ADDRESS),
        ("https://0x7f.0.0.1/", RefusedBecause.ODD_ADDRESS),
        ("https://0x7f000001/", RefusedBecause.ODD_ADDRESS),
        ("https://127.0.0.0x1/", RefusedBecause.ODD_ADDRESS),
        ("https://8.8.8.08/", RefusedBecause.ODD_ADDRESS),
        ("https://8.8.8.256/", RefusedBecause.ODD_ADDRESS),
        ("https://example.123/", RefusedBecause.ODD_ADDRESS),
        ("https://[127.0.0.1]/", RefusedBecause.ODD_ADDRESS),
        ("https://[example.com]/", RefusedBecause.ODD_ADDRESS),
        ("https://[]/", RefusedBecause.ODD_ADDRESS),
        ("https://[v1.x]/", RefusedBecause.ODD_ADDRESS),
        ("https://[fe80::1%25eth0]/", RefusedBecause.ZONE_ID),
        ("https://[2606:4700::1%eth0]/", RefusedBecause.ZONE_ID),
        ("https://example.com:8443/", RefusedBecause.PORT),
        ("https://example.com:22/", RefusedBecause.PORT),
        ("https://example.com:80/", RefusedBecause.PORT),
        ("https://example.com:0/", RefusedBecause.PORT),
        ("https://example.com:65979/", RefusedBecause.PORT),
        ("https://127.0.0.1/", RefusedBecause.ADDRESS),
        ("https://169.254.169.254/latest/meta-data", RefusedBecause.ADDRESS),
        ("https://[::1]/", RefusedBecause.ADDRESS),
        ("https://[::ffff:127.0.0.1]/", RefusedBecause.ADDRESS),
        ("https://[::ffff:7f00:1]/", RefusedBecause.ADDRESS),
        ("https://[64:ff9b::7f00:1]/", RefusedBecause.ADDRESS),
    ],
)
def test_anything_else_is_refused_with_its_reason(url: str, expected: RefusedBecause) -> None:
    assert reason(url) is expected


def test_a_refusal_does_not_repeat_passwords_or_paths() -> None:
    for url in ("https://me:hunter2@example.com/", "https://127.0.0.1/hunter2?k=hunter2"):
        with pytest.raises(UrlRefused) as refused:
            check_url(url, OPEN)
        assert "hunter2" not in str(refused.value)


def test_http_is_for_the_hosts_the_operator_names() -> None:
    policy = OutboundPolicy(http_hosts=frozenset({"old.example.com"}))
    assert check_url("http://old.example.com/", policy).port == 80
    assert reason("http://www.old.example.com/", policy) is RefusedBecause.SCHEME
    assert reason("http://old.example.com:443/", policy) is RefusedBecause.PORT


def test_the_operator_may_name_the_ports() -> None:
    policy = OutboundPolicy(allowed_ports=frozenset({8443}))
    assert check_url("https://example.com:8443/", policy).port == 8443
    assert reason("https://example.com/", policy) is RefusedBecause.PORT


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:40001/x", "http://[::1]:40001/x", "https://127.3.4.5:1/"]
)
def test_an_exempt_network_may_be_called_on_any_port(url: str) -> None:
    assert check_url(url, LOCAL).port in (40001, 1)


@pytest.mark.parametrize(
    "url",
    ["https://10.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/"],
)
def test_exempting_loopback_exempts_nothing_else(url: str) -> None:
    assert reason(url, LOCAL) is RefusedBecause.ADDRESS


def test_the_port_of_a_name_is_judged_by_the_address_it_leads_to() -> None:
    checked = check_url("http://localhost:40001/", LOCAL)
    check_address(checked, ip_address("127.0.0.1"), LOCAL)
    with pytest.raises(UrlRefused) as refused:
        check_address(checked, ip_address("8.8.8.8"), LOCAL)
    assert refused.value.reason is RefusedBecause.PORT


def test_a_public_address_on_an_odd_port_stays_refused_beside_an_exempt_network() -> None:
    assert reason("https://8.8.8.8:40001/", LOCAL) is RefusedBecause.PORT


@pytest.mark.parametrize("port", [0, 65536])
def test_a_port_that_does_not_exist_is_refused_even_on_an_exempt_network(port: int) -> None:
    assert reason(f"http://127.0.0.1:{port}/", LOCAL) is RefusedBecause.PORT
    assert reason(f"http://localhost:{port}/", LOCAL) is RefusedBecause.PORT


def test_an_empty_query_is_left_out_as_it_is_not_sent() -> None:
    assert check_url("https://example.com?", OutboundPolicy()).text == "https://example.com/"
    assert check_url("https://example.com/a?b", OutboundPolicy()).text == "https://example.com/a?b"


pieces = st.sampled_from(
    [*"@:/?#[]%.\\", "https://", "example.com", "127.0.0.1", "::1", "443", "0x7f", " ", "é"]
)


@given(st.lists(pieces, max_size=8).map("".join).map("https://".__add__) | st.text())
def test_the_http_library_reads_the_same_host_as_the_check(url: str) -> None:
    try:
        checked = check_url(url, OPEN)
    except UrlRefused:
        return
    read = URL(checked.text, encoded=True)
    assert (read.scheme, read.raw_host, read.port) == (checked.scheme, checked.host, checked.port)
    assert (read.raw_user, read.raw_path_qs) == (None, checked.target)


def test_a_services_policy_is_its_settings_within_the_bounds_of_what_it_calls() -> None:
    settings = OutboundSettings(
        outbound_allowed_networks=("127.0.0.0/8", "::1/128"),
        outbound_allowed_addresses=("10.0.0.1:8443", "[::1]:81"),
        outbound_http_hosts=("localhost",),
    )
    assert outbound_policy(settings, total_seconds_max=7, response_bytes_max=100) == OutboundPolicy(
        allowed_networks=LOOPBACK,
        allowed_addresses=frozenset({(IPv4Address("10.0.0.1"), 8443), (IPv6Address("::1"), 81)}),
        http_hosts=frozenset({"localhost"}),
        total_seconds_max=7,
        response_bytes_max=100,
    )


ONE_PORT = OutboundPolicy(
    allowed_addresses=frozenset({(IPv4Address("127.0.0.1"), 8443)}),
    http_hosts=frozenset({"127.0.0.1"}),
)


def test_an_exempt_address_is_exempt_on_its_port_only() -> None:
    assert check_url("http://127.0.0.1:8443/x", ONE_PORT).port == 8443
    for url in ("http://127.0.0.1:8444/", "http://127.0.0.1/", "https://127.0.0.2:8443/"):
        assert reason(url, ONE_PORT) is RefusedBecause.ADDRESS
    assert reason("https://8.8.8.8:8443/", ONE_PORT) is RefusedBecause.PORT


def test_a_name_may_lead_to_an_exempt_address_on_its_port_only() -> None:
    for port, exempt in ((8443, True), (8444, False)):
        url = check_url(f"https://buyer.example:{port}/", ONE_PORT)
        if exempt:
            check_address(url, IPv4Address("127.0.0.1"), ONE_PORT)
        else:
            with pytest.raises(UrlRefused):
                check_address(url, IPv4Address("127.0.0.1"), ONE_PORT)
        with pytest.raises(UrlRefused):
            check_address(url, IPv4Address("8.8.8.8"), ONE_PORT)
