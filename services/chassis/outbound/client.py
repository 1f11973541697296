"""The guarded HTTP client for calls to hosts that others chose: buyers' endpoints, webhooks.

    async with OutboundClient(OutboundPolicy()) as client:
        response = await client.request("POST", endpoint.url, headers, body)

What it holds to (OWASP, "Server-Side Request Forgery Prevention"):
- The URL's text is checked on every request, and on every new connection the host is resolved
  once and refused when any of its addresses is not allowed; connected is only to those vetted
  addresses, while TLS and `Host` keep the name. A name that changes its address gains nothing.
- No redirects (a 3xx is an answer like any other), no proxies from the environment, no cookies,
  no baggage.
- Bounds on DNS, connect and total time, on headers and on the body as it is after unpacking.
- A failure says whether the request may have reached the peer; see `errors.py`.

POST and PATCH are sent once. GET, HEAD, PUT and DELETE may be sent a second time when a kept
connection turns out to be closed.
"""

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import aiohttp
from yarl import URL

from services.chassis.outbound.body import read_excerpt
from services.chassis.outbound.errors import (
    ConnectFailed,
    OutboundError,
    OutboundTimedOut,
    RefusedBecause,
    ResponseTooLarge,
    UrlRefused,
)
from services.chassis.outbound.policy import CheckedUrl, OutboundPolicy, check_url
from services.chassis.outbound.resolver import Lookup, SystemLookup
from services.chassis.outbound.retry_after import parse_retry_after
from services.chassis.outbound.session import CALLING, Exchange, open_session

__all__ = [
    "CheckedUrl",
    "ConnectFailed",
    "OutboundClient",
    "OutboundError",
    "OutboundPolicy",
    "OutboundResponse",
    "OutboundTimedOut",
    "RefusedBecause",
    "ResponseTooLarge",
    "UrlRefused",
    "check_url",
    "parse_retry_after",
]

USER_AGENT: Final = "Waybill/1"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
# The client frames the message and speaks for itself; a caller's copy of these is left out.
NEVER_SENT: Final = frozenset(
    {
        "baggage",
        "connection",
        "content-length",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# The C parser of aiohttp tells its limits from other faults by these words only.
_HEADER_LIMIT_TEXTS: Final = ("Got more than", "Too many headers")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_HEADER_VALUE: Final = re.compile(r"[\t -~]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundResponse:
    """A whole answer, whatever its status. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body_excerpt: bytes
    """The body's first bytes, unpacked, at most the policy's `response_bytes_max`."""
    truncated: bool
    """Whether the body has more than the excerpt, or did not unpack."""


class OutboundClient:
    """Sends requests within an `OutboundPolicy`; open it with `async with`.

    `lookup` resolves names (the system's resolver by default), `tls` verifies peers (the system's
    certificate authorities by default).
    """

    def __init__(
        self,
        policy: OutboundPolicy,
        *,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        self._lookup = lookup
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._system_lookup: SystemLookup | None = None

    async def __aenter__(self) -> Self:
        if self._lookup is None:
            self._lookup = self._system_lookup = SystemLookup()
        self._session = open_session(self._policy, self._lookup, self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
        if self._system_lookup is not None:
            self._system_lookup.close()

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> OutboundResponse:
        """Send one request and read its answer, redirects included as they are.

        Headers in `NEVER_SENT` are left out. Raises an `OutboundError` for everything that policy,
        network and peer can do, and `ValueError` for a method or header that is not HTTP.
        """
        if method not in METHODS:
            raise ValueError(f"the method is one of {', '.join(sorted(METHODS))}")
        sent_headers = _sendable(headers)
        checked = check_url(url, self._policy)
        exchange = Exchange(checked.host)
        calling = CALLING.set(checked)
        try:
            async with asyncio.timeout(self._policy.total_seconds_max):
                return await self._exchange(method, checked, sent_headers, body, exchange)
        # Without the cause: aiohttp's messages quote the URL, whose query may hold a secret.
        except (TimeoutError, aiohttp.ClientError, OSError) as fault:
            raise _outbound_error(fault, exchange) from None
        finally:
            CALLING.reset(calling)

    async def _exchange(
        self,
        method: str,
        checked: CheckedUrl,
        headers: Mapping[str, str],
        body: bytes,
        exchange: Exchange,
    ) -> OutboundResponse:
        if self._session is None:
            raise RuntimeError("the outbound client is not open")
        async with self._session.request(
            method,
            _yarl_url(checked),
            headers=headers,
            data=body or None,
            allow_redirects=False,
            trace_request_ctx=exchange,
        ) as answer:
            exchange.status = answer.status
            answer_headers = _bounded_headers(answer, exchange, self._policy)
            excerpt, truncated = await read_excerpt(
                answer.content.iter_any(),
                answer_headers.get("content-encoding", ""),
                self._policy.response_bytes_max,
            )
            if truncated:
                answer.close()
        return OutboundResponse(
            status=answer.status, headers=answer_headers, body_excerpt=excerpt, truncated=truncated
        )


def _yarl_url(checked: CheckedUrl) -> URL:
    url = URL(checked.text, encoded=True)
    if (url.scheme, url.raw_host, url.port) != (checked.scheme, checked.host, checked.port):
        raise UrlRefused(RefusedBecause.MALFORMED, "The URL can be read in more than one way.")
    return url


def _sendable(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError("a header name or value holds a character that HTTP does not allow")
    own = {"user-agent": USER_AGENT, "accept-encoding": "identity"}
    given = {name.lower(): value for name, value in headers.items()}
    return {name: value for name, value in (own | given).items() if name not in NEVER_SENT}


def _bounded_headers(
    answer: aiohttp.ClientResponse, exchange: Exchange, policy: OutboundPolicy
) -> dict[str, str]:
    """The headers by lower-case name, repeated ones joined by a comma (RFC 9110, 5.3)."""
    if sum(len(name) + len(value) for name, value in answer.raw_headers) > policy.headers_bytes_max:
        raise _headers_too_large(exchange)
    joined: dict[str, str] = {}
    for raw_name, raw_value in answer.raw_headers:
        # Bytes that are not UTF-8 would otherwise survive as surrogates that no database takes.
        name, value = raw_name.decode(errors="replace").lower(), raw_value.decode(errors="replace")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _outbound_error(fault: Exception, exchange: Exchange) -> OutboundError:
    host, reached, status = exchange.host, exchange.reached, exchange.status
    if isinstance(fault, TimeoutError):
        what = "did not answer in time" if reached else "could not be connected to in time"
        return OutboundTimedOut(f"{host} {what}.", reached=reached, status=status)
    if isinstance(fault, aiohttp.ClientResponseError):
        if fault.message.startswith(_HEADER_LIMIT_TEXTS):
            return _headers_too_large(exchange)
        return ConnectFailed(f"What {host} answered is not HTTP.", reached=reached, status=status)
    if isinstance(fault, aiohttp.ClientConnectorCertificateError):
        return ConnectFailed(f"The certificate of {host} is not valid.", reached=reached)
    if not reached:
        return ConnectFailed(f"No connection to {host} ({type(fault).__name__}).", reached=False)
    return ConnectFailed(
        f"The connection to {host} broke before the whole answer was here"
        f" ({type(fault).__name__}).",
        reached=True,
        status=status,
    )


def _headers_too_large(exchange: Exchange) -> ResponseTooLarge:
    return ResponseTooLarge(
        f"The headers that {exchange.host} answered are too large.",
        reached=True,
        status=exchange.status,
    )
