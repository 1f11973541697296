"""The edge leaves: it is drained, and whatever hangs, it ends."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from deploy.edge.bootstrap import bootstrap
from deploy.edge.config import EdgeConfig
from deploy.edge.envoy import Admin, drain
from deploy.local.process_tree import alive, children_of
from deploy.local.processes import Program, Supervisor
from deploy.local.state import ROOT
from tests.system.waiting import until
from tests.unit.deploy.edge_world import Edge, Shop, elsewhere

# Longer than any test runs.
LONG = "60"


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="wb") as folder:
        yield Path(folder)


class QuietAdmin:
    """An admin interface of an edge where nothing runs and nothing comes."""

    def __init__(self) -> None:
        self.looks = 0
        self.looked_often = asyncio.Event()

    async def _stats(self, _: web.Request) -> web.Response:
        self.looks += 1
        if self.looks == 5:
            self.looked_often.set()
        return web.Response(
            text="http.edge.downstream_rq_active: 0\nhttp.edge.downstream_rq_total: 7\n"
        )

    async def _step(self, _: web.Request) -> web.Response:
        return web.Response(text="OK")

    @asynccontextmanager
    async def served(self, folder: Path) -> AsyncIterator[Admin]:
        """It answers while the block runs, at a socket in `folder`."""
        application = web.Application()
        application.router.add_get("/stats", self._stats)
        application.router.add_post("/{step:.+}", self._step)
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            await web.UnixSite(runner, folder / "admin").start()
            yield Admin(socket=folder / "admin")
        finally:
            await runner.cleanup()


async def test_a_quiet_edge_goes_on_to_listen_for_those_who_have_not_heard(
    short_folder: Path,
) -> None:
    quiet = QuietAdmin()
    async with quiet.served(short_folder) as admin:
        draining = asyncio.create_task(drain(admin, listen_seconds_min=60, seconds_max=60))
        looked = asyncio.create_task(quiet.looked_often.wait())
        await asyncio.wait({draining, looked}, return_when=asyncio.FIRST_COMPLETED)
        assert not draining.done()
        draining.cancel()


async def test_a_quiet_edge_that_nobody_has_to_hear_of_is_drained_at_the_second_look(
    short_folder: Path,
) -> None:
    quiet = QuietAdmin()
    async with quiet.served(short_folder) as admin:
        await drain(admin, listen_seconds_min=0)
    assert quiet.looks == 2


async def test_an_admin_interface_that_does_not_answer_ends_the_drain(short_folder: Path) -> None:
    socket = short_folder / "admin"
    async with asyncio.timeout(30), silence(socket):
        with pytest.raises(TimeoutError):
            await drain(Admin(socket=socket), seconds_max=0.1)


@asynccontextmanager
async def silence(socket: Path) -> AsyncIterator[None]:
    """A socket that takes connections and says nothing."""
    over = asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with await asyncio.start_unix_server(say_nothing, socket):
        try:
            yield
        finally:
            over.set()


class Launched:
    """An edge that the launcher runs, at other ports than `edge`."""

    def __init__(self, edge: Edge, supervisor: Supervisor, folder: Path) -> None:
        config = elsewhere(edge.config, folder)
        self.ask = Edge(config, edge.session, edge.token)
        self._supervisor = supervisor
        self._folder = folder

    async def start(self, *options: str) -> None:
        """Returns when it serves."""
        file = self._folder / "edge.json"
        file.write_text(json.dumps(bootstrap(self.ask.config)))
        program = a_launcher(file, self.ask.config, self._folder, *options)
        await self._supervisor.start(replace(program, ready=self._serves))
        (self.envoy,) = children_of(self.launcher)

    async def _serves(self) -> bool:
        return (await self.ask.health()).status == 200

    @property
    def launcher(self) -> int:
        """The launcher's process id."""
        return self._supervisor.pid("edge")

    async def ended(self) -> int:
        """Its exit code, once it has ended; a negative one is the signal that ended it."""
        async with asyncio.timeout(30):
            crash = await self._supervisor.crashed()
        assert "Traceback" not in str(crash)
        return crash.exit_code


def a_launcher(file: Path, config: EdgeConfig, folder: Path, *options: str) -> Program:
    """The launcher of an Envoy with this configuration."""
    return Program(
        name="edge",
        command=[
            *(sys.executable, "-m", "deploy.edge.launcher", str(file)),
            *("--admin-socket", str(config.admin_socket), *options),
        ],
        log_path=folder / "edge.log",
        folder=ROOT,
    )


@pytest.fixture
async def launched(edge: Edge, tmp_path: Path) -> AsyncIterator[Launched]:
    async with Supervisor() as supervisor:
        yield Launched(edge, supervisor, tmp_path)


async def test_an_envoy_that_refuses_its_configuration_ends_the_launcher_with_its_code(
    edge: Edge, tmp_path: Path
) -> None:
    file = tmp_path / "edge.json"
    file.write_text("no configuration")
    async with Supervisor() as supervisor:
        await supervisor.start(a_launcher(file, edge.config, tmp_path))
        ended = await supervisor.crashed()
    assert ended.exit_code == 1
    assert "no configuration" in str(ended)
    assert "Traceback" not in str(ended)


async def test_an_envoy_that_a_signal_ends_ends_the_launcher_with_128_and_the_signal(
    launched: Launched,
) -> None:
    await launched.start()
    os.kill(launched.envoy, signal.SIGKILL)
    assert await launched.ended() == 128 + signal.SIGKILL


async def test_an_envoy_that_dies_while_it_drains_ends_the_launcher_as_well(
    launched: Launched,
) -> None:
    await launched.start("--listen-seconds-min", LONG, "--drain-seconds-max", LONG)
    os.kill(launched.launcher, signal.SIGTERM)
    await launched.ask.becomes(503)
    os.kill(launched.envoy, signal.SIGKILL)
    assert await launched.ended() == 128 + signal.SIGKILL


async def test_an_envoy_that_hangs_is_killed_after_its_time(launched: Launched) -> None:
    await launched.start("--drain-seconds-max", "0.2")
    os.kill(launched.envoy, signal.SIGSTOP)
    os.kill(launched.launcher, signal.SIGTERM)
    assert await launched.ended() == 128 + signal.SIGKILL
    assert not alive(launched.envoy)


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_kills_an_envoy_that_drains(
    launched: Launched, second: signal.Signals
) -> None:
    await launched.start("--listen-seconds-min", LONG, "--drain-seconds-max", LONG)
    os.kill(launched.launcher, signal.SIGTERM)
    await launched.ask.becomes(503)
    os.kill(launched.launcher, second)
    assert await launched.ended() == 128 + signal.SIGKILL
    assert not alive(launched.envoy)


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_to_the_whole_group_does_not_cut_off_what_runs(
    launched: Launched, shop: Shop, stop_signal: signal.Signals
) -> None:
    arrived, released = asyncio.Event(), asyncio.Event()

    async def wait(_: Any, context: Any) -> Any:
        arrived.set()
        await released.wait()
        return shop.compiled.messages.Lead(lead_id="finished")

    shop.behave = wait
    await launched.start("--listen-seconds-min", "0")
    running = asyncio.create_task(launched.ask("GET", "/api/leads/L7"))
    await arrived.wait()
    # As a terminal does with Ctrl-C.
    os.killpg(launched.launcher, stop_signal)
    await launched.ask.becomes(503)
    released.set()
    answer = await running
    assert (answer.status, json.loads(answer.body)["leadId"]) == (200, "finished")
    assert await launched.ended() == 0


async def test_no_envoy_outlives_a_launcher_that_was_killed(launched: Launched) -> None:
    await launched.start()
    os.kill(launched.launcher, signal.SIGKILL)
    assert await launched.ended() == -signal.SIGKILL

    async def gone() -> bool:
        return not alive(launched.envoy)

    await until(gone)
