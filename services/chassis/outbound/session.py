"""The aiohttp session of the outbound client: which sockets it may open, and what it leaves out."""

import socket
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from services.chassis.outbound.addresses import parse_address
from services.chassis.outbound.errors import RefusedBecause, UrlRefused
from services.chassis.outbound.policy import CheckedUrl, OutboundPolicy, check_address
from services.chassis.outbound.resolver import Lookup, vetted_addresses

CALLING: Final[ContextVar[CheckedUrl]] = ContextVar("CALLING")
"""The URL of the request under way: aiohttp asks resolver and sockets by host and address only."""


@dataclass(slots=True)
class Exchange:
    """How far a request has come; given to the session as `trace_request_ctx`."""

    host: str
    reached: bool = False
    """Whether there was a connection to send on."""
    status: int | None = None


def open_session(
    policy: OutboundPolicy, lookup: Lookup, tls: ssl.SSLContext | None
) -> aiohttp.ClientSession:
    """A session that connects to vetted addresses only, without cookies, proxies or unpacking."""
    # aiohttp refuses a keepalive time together with force_close.
    reuse: dict[str, Any] = (
        {"keepalive_timeout": policy.keepalive_seconds}
        if policy.keepalive_seconds > 0
        else {"force_close": True}
    )
    connector = aiohttp.TCPConnector(
        resolver=_VettingResolver(policy, lookup),
        socket_factory=_VettingSockets(policy),
        use_dns_cache=False,
        limit=policy.connections_max,
        ssl=tls or ssl.create_default_context(),
        **reuse,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Content-Type", "Accept-Encoding"),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=policy.connect_seconds_max),
        max_line_size=policy.header_bytes_max,
        max_field_size=policy.header_bytes_max,
        max_headers=policy.header_count_max,
        trace_configs=[_connection_tracing()],
    )


class _VettingResolver(AbstractResolver):
    """Gives aiohttp the vetted addresses of a name, and no others."""

    def __init__(self, policy: OutboundPolicy, lookup: Lookup) -> None:
        self._policy = policy
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await vetted_addresses(CALLING.get(), self._policy, self._lookup)
        ]

    async def close(self) -> None:
        """Nothing is held here; the lookup belongs to the client."""


class _VettingSockets:
    """Vets each address once more at the last moment: the one place every connection passes."""

    def __init__(self, policy: OutboundPolicy) -> None:
        self._policy = policy

    def __call__(self, info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, peer = info
        url, address = CALLING.get(), parse_address(str(peer[0]))
        if address is None:
            raise UrlRefused(
                RefusedBecause.ADDRESS, f"{url.host} leads to something that is not an IP address."
            )
        check_address(url, address, self._policy)
        return socket.socket(family, kind, protocol)


def _connection_tracing() -> aiohttp.TraceConfig:
    """Marks an exchange as reached as soon as it has a connection to send on."""

    async def reached(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.reached = True

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_end.append(reached)
    tracing.on_connection_reuseconn.append(reached)
    return tracing
