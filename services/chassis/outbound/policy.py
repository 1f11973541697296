"""Which URLs may be called: the operator's policy, and the check of a URL's text against it.

The check reads the URL itself, strictly, and returns the parts that the client then uses: a second
parser could see another host in the same text.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network
from typing import Final, Required, TypedDict, Unpack

from services.chassis.config import OutboundSettings, address_and_port
from services.chassis.outbound.addresses import Address, Network, forbidden_family, parse_address
from services.chassis.outbound.errors import RefusedBecause, UrlRefused

URL_CHARACTERS_MAX: Final = 2048
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}

# Every printable ASCII character except those that parsers read differently: space "<>\^`{|}
_URL_TEXT: Final = re.compile(r"[!#-;=?-\[\]_a-z~]*", re.ASCII)
_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
    re.ASCII,
)
_HOST_PORT: Final = re.compile(
    r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?", re.ASCII
)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
# A last label like this makes the C library read the whole host as an IPv4 number.
_NUMERIC_LABEL: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_HOST_CHARACTERS_MAX: Final = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundPolicy:
    """What the operator lets outbound calls do. The defaults are those for the open internet.

    `allowed_networks` are exempt from the ban on non-public addresses and from `allowed_ports`;
    `allowed_addresses` are so too, each on one port (the sandbox's, in a local run). `http_hosts`
    may be called without TLS, spelled as in the URL. `allowed_ports` None means 443, and 80 for
    `http_hosts`.
    """

    allowed_networks: tuple[Network, ...] = ()
    allowed_addresses: frozenset[tuple[Address, int]] = frozenset()
    http_hosts: frozenset[str] = frozenset()
    allowed_ports: frozenset[int] | None = None
    dns_seconds_max: float = 3
    connect_seconds_max: float = 5
    total_seconds_max: float = 15
    response_bytes_max: int = 16 * 1024
    header_count_max: int = 100
    header_bytes_max: int = 8 * 1024
    headers_bytes_max: int = 32 * 1024
    connections_max: int = 200
    keepalive_seconds: float = 2
    """Idle time after which a connection is not used again; 0: a new one for each request.

    A peer that closes a kept connection at the moment of the next POST leaves that POST with an
    unknown outcome. Most servers keep idle connections for 5 s or more.
    """

    @property
    def has_exemptions(self) -> bool:
        """Whether anything is exempt from the rules about addresses and ports."""
        return bool(self.allowed_networks or self.allowed_addresses)

    def exempts(self, address: Address, port: int) -> bool:
        """Whether the operator exempts the address from every rule about addresses and ports."""
        in_network = any(address in network for network in self.allowed_networks)
        return in_network or (address, port) in self.allowed_addresses

    def allows_port(self, scheme: str, port: int) -> bool:
        """Whether a public address may be called on the port."""
        if self.allowed_ports is not None:
            return port in self.allowed_ports
        return port == _DEFAULT_PORTS[scheme]


class OutboundBounds(TypedDict, total=False):
    """Bounds of a policy that differ from its defaults."""

    dns_seconds_max: float
    connect_seconds_max: float
    total_seconds_max: Required[float]
    response_bytes_max: Required[int]
    connections_max: int


def outbound_policy(config: OutboundSettings, **bounds: Unpack[OutboundBounds]) -> OutboundPolicy:
    """The policy of a service: what its settings allow, within the bounds of what it calls."""
    return OutboundPolicy(
        allowed_networks=tuple(map(ip_network, config.outbound_allowed_networks)),
        allowed_addresses=frozenset(map(address_and_port, config.outbound_allowed_addresses)),
        http_hosts=frozenset(config.outbound_http_hosts),
        **bounds,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedUrl:
    """A URL whose text the policy allows. Its addresses are vetted when it is connected to."""

    scheme: str
    host: str
    """In lower case; an IPv6 address without brackets."""
    port: int
    target: str
    """Path and query, as they were written; an empty query is left out."""

    @property
    def text(self) -> str:
        """The URL in its normal form, the scheme's own port left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"


def check_url(url: str, policy: OutboundPolicy) -> CheckedUrl:
    """The parts of a URL that may be called. Pure: no name is resolved.

    Raises `UrlRefused` with a reason and a sentence for the person who entered the URL.
    """
    parts = _split(url)
    scheme = parts["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
        raise UrlRefused(RefusedBecause.SCHEME, "The URL must start with https://.")
    if parts["fragment"] is not None:
        raise UrlRefused(
            RefusedBecause.FRAGMENT,
            "The URL has a fragment, which is not sent: leave out the # and what follows.",
        )
    host_text, port_text = _split_authority(parts["authority"])
    host, address = _check_host(host_text)
    if scheme == "http" and host not in policy.http_hosts:
        raise UrlRefused(
            RefusedBecause.SCHEME,
            f"The URL must start with https://; http:// is not allowed for {host}.",
        )
    # An empty query is not sent by the HTTP library, so it is not part of what is called.
    query = parts["query"] if parts["query"] != "?" else None
    checked = CheckedUrl(
        scheme=scheme,
        host=host,
        port=int(port_text) if port_text else _DEFAULT_PORTS[scheme],
        target=(parts["path"] or "/") + (query or ""),
    )
    if not 1 <= checked.port <= 65535:
        raise _port_refused(checked)
    if address is not None:
        check_address(checked, address, policy)
    elif not policy.has_exemptions:
        # With exempt addresses, the port of a name is checked once its addresses are known.
        _check_port(checked, policy)
    return checked


def check_address(url: CheckedUrl, address: Address, policy: OutboundPolicy) -> None:
    """Vet one address the URL leads to, and the port on it. Raises `UrlRefused`."""
    if policy.exempts(address, url.port):
        return
    family = forbidden_family(address)
    if family is not None:
        raise UrlRefused(
            RefusedBecause.ADDRESS,
            f"{url.host} leads to an address that is not public ({family}) and is never called.",
        )
    _check_port(url, policy)


def _check_port(url: CheckedUrl, policy: OutboundPolicy) -> None:
    if not policy.allows_port(url.scheme, url.port):
        raise _port_refused(url)


def _port_refused(url: CheckedUrl) -> UrlRefused:
    return UrlRefused(
        RefusedBecause.PORT, f"Port {url.port} of {url.host} is not allowed; leave out the port."
    )


def _split(url: str) -> re.Match[str]:
    if len(url) > URL_CHARACTERS_MAX:
        raise UrlRefused(
            RefusedBecause.MALFORMED, f"The URL has more than {URL_CHARACTERS_MAX} characters."
        )
    if not _URL_TEXT.fullmatch(url):
        raise UrlRefused(
            RefusedBecause.MALFORMED,
            "The URL holds a character that must be percent-encoded; a host name with other"
            " letters is written in its xn-- form.",
        )
    parts = _URL.fullmatch(url)
    if parts is None:
        raise UrlRefused(
            RefusedBecause.MALFORMED, "This is not a URL, for example https://example.com/leads."
        )
    return parts


def _split_authority(authority: str) -> tuple[str, str | None]:
    if "@" in authority:
        raise UrlRefused(
            RefusedBecause.USERINFO,
            "The URL has a user name or password: leave out what stands before the @.",
        )
    parts = _HOST_PORT.fullmatch(authority)
    if parts is None:
        raise UrlRefused(RefusedBecause.HOST, "The host or port of the URL cannot be read.")
    return parts["host"].lower(), parts["port"]


def _check_host(host: str) -> tuple[str, Address | None]:
    """The host in its normal form, and its address when it is one."""
    if host.startswith("["):
        return _check_ipv6(host[1:-1])
    if host.endswith("."):
        raise UrlRefused(RefusedBecause.TRAILING_DOT, "The host ends in a dot: leave it out.")
    labels = host.split(".")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        address = parse_address(host)
        if address is None:
            raise UrlRefused(
                RefusedBecause.ODD_ADDRESS,
                "An IPv4 address must be four decimal numbers, for example 192.0.2.1.",
            )
        return host, address
    if len(host) > _HOST_CHARACTERS_MAX or not all(map(_LABEL.fullmatch, labels)):
        raise UrlRefused(RefusedBecause.HOST, "The host of the URL is not a host name.")
    return host, None


def _check_ipv6(text: str) -> tuple[str, Address]:
    if "%" in text:
        raise UrlRefused(
            RefusedBecause.ZONE_ID,
            "The IPv6 address has a zone, which is never called: leave out the %.",
        )
    address = parse_address(text)
    if not isinstance(address, IPv6Address):
        raise UrlRefused(
            RefusedBecause.ODD_ADDRESS,
            "The text in [ ] is not an IPv6 address, for example [2001:db8::1].",
        )
    return str(address), address
