"""Which IP addresses the outside world may make us connect to: public unicast, and nothing else.

The ranges are our own table, after the IANA special-purpose registries (IPv4 and IPv6) and the RFCs
of the tunnels and translators: the flags of the standard library's `ipaddress` let NAT64, 6to4,
mapped, compatible, ISATAP and SIIT forms of private addresses pass, and multicast too.

IPv6 is an allow-list: `2000::/3` is all of global unicast today, so everything outside it is
forbidden whether the table names it or not. The one form that is looked into is the well-known
NAT64 prefix, since on IPv6-only networks every IPv4 host is reached through it; the others that
carry an IPv4 address (6to4, Teredo, ISATAP…) are obsolete or internal and forbidden as a whole.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class _Family:
    name: str
    network: Network


def _families(table: tuple[tuple[str, str], ...], kind: type[Network]) -> tuple[_Family, ...]:
    return tuple(_Family(name, kind(network)) for network, name in table)


_FORBIDDEN_IPV4: Final = _families(
    (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        # A public number, but in every Azure machine it is the platform's own control endpoint.
        ("168.63.129.16/32", "cloud platform"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "IETF protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay anycast"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
    ),
    IPv4Network,
)

_FORBIDDEN_IPV6: Final = _families(
    (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "IPv4-compatible"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("::ffff:0:0:0/96", "SIIT"),
        ("64:ff9b:1::/48", "local-use NAT64"),
        ("100::/64", "discard-only"),
        ("2001::/32", "Teredo"),
        ("2001:2::/48", "benchmarking"),
        ("2001:10::/28", "ORCHID"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    ),
    IPv6Network,
)
_IETF_ASSIGNMENTS: Final = IPv6Network("2001::/23")
# What the registry marks as globally reachable inside it, save the anycast addresses of NAT
# control and relay servers (2001:1::/32), which lead to the local network's own boxes.
_IETF_REACHABLE: Final = tuple(
    IPv6Network(network)
    for network in ("2001:3::/32", "2001:4:112::/48", "2001:20::/28", "2001:30::/28")
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
# RFC 5214: the interface identifier ::[02]00:5efe:a.b.c.d, under whatever prefix.
_ISATAP_IDENTIFIERS: Final = (0x00005EFE, 0x02005EFE)


def parse_address(text: str) -> Address | None:
    """The address in its usual spelling, or None: no octal, hex, short or numeric form, no zone."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return None
    return address


def forbidden_family(address: Address) -> str | None:
    """The kind of forbidden address it is, fit for a message, or None for a public one."""
    if isinstance(address, IPv4Address):
        return _name_in(_FORBIDDEN_IPV4, address)
    if address.scope_id is not None:
        return "scoped"
    if address in _NAT64:
        embedded = forbidden_family(IPv4Address(int(address) & 0xFFFFFFFF))
        return f"NAT64 of {embedded}" if embedded else None
    return _name_in(_FORBIDDEN_IPV6, address) or _unnamed_ipv6(address)


def is_forbidden_address(address: Address) -> bool:
    """Whether connecting to the address could reach anything but a public host."""
    return forbidden_family(address) is not None


def _name_in(families: tuple[_Family, ...], address: Address) -> str | None:
    return next((family.name for family in families if address in family.network), None)


def _unnamed_ipv6(address: IPv6Address) -> str | None:
    if address not in _GLOBAL_UNICAST:
        return "not global unicast"
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP_IDENTIFIERS:
        return "ISATAP"
    if address in _IETF_ASSIGNMENTS and not any(address in known for known in _IETF_REACHABLE):
        return "IETF protocol assignments"
    return None
