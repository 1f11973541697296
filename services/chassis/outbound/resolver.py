"""Name resolution for outbound calls: every address is vetted before any is connected to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeAlias

from services.chassis.outbound.addresses import Address, parse_address
from services.chassis.outbound.errors import (
    ConnectFailed,
    OutboundTimedOut,
    RefusedBecause,
    UrlRefused,
)
from services.chassis.outbound.policy import CheckedUrl, OutboundPolicy, check_address

Lookup: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]
"""All addresses of a host name, as text. Raises `OSError` when there are none."""

LOOKUPS_CONCURRENT_MAX: Final = 16


class SystemLookup:
    """The system's resolver, in threads of its own.

    The event loop's own pool is small and shared: one dead name server would hold up every other
    call, and every other use of that pool.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS_CONCURRENT_MAX, thread_name_prefix="dns")

    async def __call__(self, host: str) -> Sequence[str]:
        """All addresses of the host name. Raises `OSError` when there are none."""
        ask = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        """Let the threads end when the system's resolver lets go of them."""
        self._threads.shutdown(wait=False, cancel_futures=True)


async def vetted_addresses(
    url: CheckedUrl, policy: OutboundPolicy, lookup: Lookup
) -> Sequence[Address]:
    """The addresses the URL's host has now, all of them allowed by the policy.

    One forbidden address refuses the host, since it could be the next one tried. Raises
    `UrlRefused`, `ConnectFailed` when there is no address, `OutboundTimedOut` after
    `dns_seconds_max`.
    """
    try:
        async with asyncio.timeout(policy.dns_seconds_max):
            texts = await lookup(url.host)
    # A timeout is an OSError too, so it comes first.
    except TimeoutError:
        raise OutboundTimedOut(
            f"The name {url.host} was not resolved in time.", reached=False
        ) from None
    except (OSError, UnicodeError):
        raise ConnectFailed(f"The name {url.host} has no address.", reached=False) from None
    addresses = [_parse(url, text) for text in texts]
    if not addresses:
        raise ConnectFailed(f"The name {url.host} has no address.", reached=False)
    for address in addresses:
        check_address(url, address, policy)
    return addresses


def _parse(url: CheckedUrl, text: str) -> Address:
    address = parse_address(text)
    if address is None:
        raise UrlRefused(
            RefusedBecause.ADDRESS, f"{url.host} leads to an address that cannot be checked."
        )
    return address
