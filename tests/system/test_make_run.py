"""`make run` as a person meets it: the real launcher, its exit codes and what it says."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from deploy.local.ports import free_port
from deploy.local.process_tree import alive, children_of
from deploy.local.sample_customer import Api, RefusedError
from deploy.local.state import ROOT
from tests.system.waiting import until

SERVING = "until Ctrl-C"
NAMES = (
    "WAYBILL_EDGE_URL",
    "WAYBILL_ORG_ID",
    "WAYBILL_TOKEN",
    "WAYBILL_SERVICE_TOKEN",
    "WAYBILL_META_APP_SECRET",
    "WAYBILL_META_VERIFY_TOKEN",
    "WAYBILL_DATABASE_URL",
    "WAYBILL_INGEST_ADDRESS",
    "WAYBILL_ROUTING_ADDRESS",
    "WAYBILL_DELIVERY_ADDRESS",
)


@dataclass(slots=True, kw_only=True)
class Run:
    """A launcher that was started, and what it has said so far."""

    process: asyncio.subprocess.Process
    folder: Path
    port: int
    said: str = ""

    async def says(self, text: str, *, seconds_max: float = 90) -> None:
        """Returns when it has said so; fails when it ends before."""
        assert self.process.stdout is not None
        async with asyncio.timeout(seconds_max):
            while text not in self.said:
                line = await self.process.stdout.readline()
                assert line, f"it ended without saying {text!r}:\n{self.said}"
                self.said += line.decode()

    async def ends(self, *, seconds_max: float = 90) -> int:
        """Its exit code, once it has said all."""
        assert self.process.stdout is not None
        async with asyncio.timeout(seconds_max):
            self.said += (await self.process.stdout.read()).decode()
            return await self.process.wait()

    def family(self) -> list[int]:
        """All processes that it has started, and theirs."""
        found, wanted = [], [self.process.pid]
        while wanted:
            children = children_of(wanted.pop())
            found += children
            wanted += children
        return found


@asynccontextmanager
async def a_run(folder: Path, *arguments: str, port: int = 0, **env: str) -> AsyncIterator[Run]:
    """The launcher, in a state folder and on a port of the test's."""
    port = port or free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WAYBILL_")}
    mine = {"WAYBILL_STATE_DIR": str(folder), "WAYBILL_EDGE_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local", *arguments),
        cwd=ROOT,
        env={**clean, **mine, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    run = Run(process=process, folder=folder, port=port)
    try:
        yield run
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await run.ends()


# Outlasts the start after a kill, and not by much.
a_run_with_short_leases = partial(
    a_run, WAYBILL_SYNC_LEASE_SECONDS="60", WAYBILL_SYNC_GRAPH_TIMEOUT_SECONDS="10"
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two state folders; those who come later find what was there."""
    base = tmp_path_factory.mktemp("run")
    return base / "first", base / "second"


@pytest.fixture(scope="module")
async def pair(folders: tuple[Path, Path]) -> AsyncIterator[tuple[Run, Run]]:
    """Two copies beside each other, on folders that --once has left, both serving."""
    async with AsyncExitStack() as opened:
        runs = [await opened.enter_async_context(a_run(each, "--once")) for each in folders]
        for each in runs:
            assert await each.ends() == 0, each.said
            assert "every sample reached its end" in each.said
        first = await opened.enter_async_context(a_run(folders[0]))
        second = await opened.enter_async_context(a_run_with_short_leases(folders[1]))
        for each in (first, second):
            await each.says(SERVING)
        yield first, second


async def sourced(folder: Path) -> dict[str, str]:
    """What a shell has in its environment after it sourced the file `env`."""
    shell = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", '. "$0" && env', str(folder / "env")),
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    printed, _ = await shell.communicate()
    assert shell.returncode == 0
    return dict(line.split("=", 1) for line in printed.decode().splitlines() if "=" in line)


async def status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_two_copies_serve_beside_each_other_and_find_their_data_again(
    pair: tuple[Run, Run],
) -> None:
    for run in pair:
        assert await status(f"http://127.0.0.1:{run.port}/api/health") == 200
        rows: Any = await asyncpg.connect((await sourced(run.folder))["WAYBILL_DATABASE_URL"])
        try:
            # Two Lead Ads leads of the run before, two of this one, of the same org.
            assert await rows.fetchval("select count(*) from ingest.lead_sources") == 4
            assert await rows.fetchval("select count(*) from ingest.orgs") == 1
        finally:
            await rows.close()


async def test_the_environment_file_can_be_sourced_and_what_it_names_works(
    pair: tuple[Run, Run],
) -> None:
    run = pair[0]
    environment = await sourced(run.folder)
    assert [name for name in NAMES if not environment.get(name)] == []
    headers = {"Authorization": f"Bearer {environment['WAYBILL_TOKEN']}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{environment['WAYBILL_EDGE_URL']}/api/leads") as answer,
    ):
        assert answer.status == 200
        assert (await answer.json())["leads"]


async def test_nobody_else_reads_what_lies_in_the_state_folder(pair: tuple[Run, Run]) -> None:
    folder = pair[0].folder
    assert mode(folder) == (0o711 if os.geteuid() == 0 else 0o700)
    # PostgreSQL's own data lies below a folder of its own, and belongs to its user.
    ours = [path for path in folder.rglob("*") if "postgres" not in path.parts[-3:]]
    open_files = [path for path in ours if path.is_file() and mode(path) != 0o600]
    assert [str(path) for path in open_files if "postgres" not in path.parts] == []
    assert (folder / "logs" / "access.log").stat().st_size > 0


async def test_a_taken_port_is_said(pair: tuple[Run, Run], tmp_path: Path) -> None:
    async with a_run(tmp_path / "other", port=pair[0].port) as run:
        assert await run.ends() == 1
    assert f"Port {pair[0].port} on 127.0.0.1" in run.said
    assert "in use by another process" in run.said
    assert "Traceback" not in run.said


async def test_a_second_start_on_a_folder_in_use_is_refused_and_harms_nothing(
    pair: tuple[Run, Run],
) -> None:
    async with a_run(pair[0].folder) as run:
        assert await run.ends() == 1
    assert f"Another `make run` (process {pair[0].process.pid}) uses {pair[0].folder}" in run.said
    assert "Traceback" not in run.said
    assert await status(f"http://127.0.0.1:{pair[0].port}/api/health") == 200


async def test_killed_processes_and_postgresql_are_started_again(pair: tuple[Run, Run]) -> None:
    run = pair[1]
    (killed,) = [pid for pid in children_of(run.process.pid) if is_routing(pid)]
    os.kill(killed, signal.SIGKILL)
    await run.says("restart: routing ended with signal SIGKILL. Its last lines:")
    await run.says("restart: routing runs again")
    pid_file = run.folder / "postgres" / "data" / "postmaster.pid"
    os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGKILL)
    await run.says("restart: PostgreSQL ended with signal SIGKILL. Its last lines:")
    await run.says("restart: PostgreSQL runs again")

    async def is_healthy() -> bool:
        return await status(f"http://127.0.0.1:{run.port}/api/health") == 200

    await until(is_healthy)
    assert run.process.returncode is None


async def test_after_kill_9_during_a_sync_the_next_start_waits_and_serves(
    pair: tuple[Run, Run],
) -> None:
    run = pair[1]
    environment = await sourced(run.folder)
    async with aiohttp.ClientSession() as session:
        api = Api(
            session=session,
            url=environment["WAYBILL_EDGE_URL"],
            token=environment["WAYBILL_TOKEN"],
            wait_seconds_max=60,
        )
        (page,) = (await api.get("/api/pages"))["pages"]
        wanted = {"pageId": page["pageId"], "facebookPageId": page["facebookPageId"]}
        pulling = asyncio.create_task(api.post("/api/conversations/sync", wanted))

        async def is_under_way() -> bool:
            return bool((await api.get("/api/sync-locks")).get("locks"))

        await until(is_under_way)
        run.process.kill()
        await run.process.wait()
        with pytest.raises((aiohttp.ClientError, RefusedError)):
            await pulling
    async with a_run_with_short_leases(run.folder) as again:
        await again.says(SERVING, seconds_max=150)
    assert "POST /api/conversations/sync: 409" in again.said
    assert "every sample reached its end" in again.said


async def test_a_crash_ends_a_run_of_the_samples_with_the_end_of_the_log(
    pair: tuple[Run, Run],
) -> None:
    async with a_run(pair[1].folder, "--once") as run:
        await run.says("(a: ")
        (killed,) = [pid for pid in children_of(run.process.pid) if is_routing(pid)]
        os.kill(killed, signal.SIGKILL)
        assert await run.ends() == 1
    assert "crashed: routing ended with signal SIGKILL. Its last lines:" in run.said
    last_line = (run.folder / "logs" / "routing.log").read_text().splitlines()[-1]
    assert last_line in run.said


async def test_a_failed_sample_does_not_end_what_serves(pair: tuple[Run, Run]) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/v26.0"
    arguments = ("--sample-seconds-max", "2")
    async with a_run(pair[1].folder, *arguments, WAYBILL_INGEST_GRAPH_URL=nowhere) as run:
        await run.says(SERVING)
        assert "a sample failed: after 2 s it is still not so that the item" in run.said
        assert await status(f"http://127.0.0.1:{run.port}/api/health") == 200


async def test_sigterm_ends_every_process_once_a_call_under_way_is_answered(
    pair: tuple[Run, Run],
) -> None:
    run = pair[0]
    family = run.family()
    assert len(family) > 8
    environment = await sourced(run.folder)
    async with aiohttp.ClientSession() as session:
        api = Api(
            session=session,
            url=environment["WAYBILL_EDGE_URL"],
            token=environment["WAYBILL_TOKEN"],
        )
        (page,) = (await api.get("/api/pages"))["pages"]
        # The samples' page takes seconds: Meta allows two calls in each.
        wanted = {"pageId": page["pageId"], "facebookPageId": page["facebookPageId"]}
        pulling = asyncio.create_task(api.post("/api/conversations/sync", wanted))

        async def is_under_way() -> bool:
            return bool((await api.get("/api/sync-locks")).get("locks"))

        await until(is_under_way)
        run.process.send_signal(signal.SIGTERM)
        assert (await pulling)["sessionId"]
    assert await run.ends() == 0
    assert "stopping" in run.said
    assert [pid for pid in family if alive(pid)] == []


async def test_once_says_which_sample_did_not_reach_its_end(pair: tuple[Run, Run]) -> None:
    # The Graph API cannot be reached, so the answers of a lead are not fetched.
    nowhere = f"http://127.0.0.1:{free_port()}/v26.0"
    arguments = ("--once", "--sample-seconds-max", "2")
    async with a_run(pair[1].folder, *arguments, WAYBILL_INGEST_GRAPH_URL=nowhere) as run:
        assert await run.ends() == 1
    assert "failed: after 2 s it is still not so that the item" in run.said
    assert "Traceback" not in run.said


async def test_ctrl_c_before_anything_is_started_ends_in_one_sentence(tmp_path: Path) -> None:
    async with a_run(tmp_path / "state") as run:
        # A fresh interpreter has no handler of ours yet.
        await until(partial(listens, run.process.pid))
        run.process.send_signal(signal.SIGINT)
        assert await run.ends() == 130
    assert run.said == "stopped before anything was started\n"


def is_routing(pid: int) -> bool:
    return b"services.routing" in Path(f"/proc/{pid}/cmdline").read_bytes()


async def listens(pid: int) -> bool:
    """Whether the process catches SIGTERM."""
    return await asyncio.to_thread(catches_sigterm, pid)


def catches_sigterm(pid: int) -> bool:
    caught = Path(f"/proc/{pid}/status").read_text().partition("SigCgt:")[2].split()[0]
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


async def test_ctrl_c_during_the_start_stops_what_was_started(tmp_path: Path) -> None:
    async with a_run(tmp_path / "state") as run:
        await run.says("applying migrations")
        family = run.family()
        run.process.send_signal(signal.SIGINT)
        assert await run.ends() == 130
    assert "stopping, before everything was ready" in run.said
    assert "Traceback" not in run.said
    assert [pid for pid in family if alive(pid)] == []


@pytest.mark.parametrize("port", ["abc", "99999", "-1", "0", "8080 "])
async def test_a_port_that_is_none_is_said(tmp_path: Path, port: str) -> None:
    async with a_run(tmp_path / "state", WAYBILL_EDGE_PORT=port) as run:
        assert await run.ends() == 1
    assert f"failed: WAYBILL_EDGE_PORT={port} is not a port" in run.said
    assert len(run.said.splitlines()) == 1


async def test_an_impossible_state_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with a_run(tmp_path / "file" / "state") as run:
        assert await run.ends() == 1
    assert "cannot be the state folder (Not a directory)" in run.said
    assert len(run.said.splitlines()) == 1
