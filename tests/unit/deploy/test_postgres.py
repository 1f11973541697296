"""The embedded PostgreSQL: start, stop, start again, crash, closed folders."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from deploy.local.cluster import ClusterFiles
from deploy.local.postgres import EmbeddedPostgres, PostgresFailed
from deploy.local.process_tree import alive, children_of

FAST = {"fsync": "off", "shared_buffers": "16MB"}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root switches users")


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder with a short path that every user may traverse."""
    with tempfile.TemporaryDirectory(prefix="wb") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder, "pg")


@pytest.fixture
async def postgres(state: Path) -> AsyncIterator[EmbeddedPostgres]:
    async with EmbeddedPostgres(state, settings=FAST) as running:
        yield running


async def query(url: str, text: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(text)
    finally:
        await connection.close()


def owner_of(path: Path) -> int:
    return path.stat().st_uid


def mode_and_owner(path: Path) -> tuple[int, int]:
    return stat.S_IMODE(path.stat().st_mode), path.stat().st_uid


def status_of(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


async def test_a_new_cluster_is_utf8_with_c_locale_checksums_and_scram(
    postgres: EmbeddedPostgres,
) -> None:
    shown = {
        name: await query(postgres.url, f"show {name}")
        for name in ("server_encoding", "data_checksums", "password_encryption")
    }
    assert shown == {
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "password_encryption": "scram-sha-256",
    }
    collation = "select datcollate || ' ' || datctype from pg_database where datname = 'template1'"
    assert await query(postgres.url, collation) == "C C"
    rules = await query(
        postgres.url, "select array_agg(distinct auth_method) from pg_hba_file_rules"
    )
    assert rules == ["scram-sha-256"]


async def test_without_settings_the_server_is_durable(state: Path) -> None:
    async with EmbeddedPostgres(state) as running:
        durable = [
            await query(running.url, f"show {name}")
            for name in ("fsync", "synchronous_commit", "full_page_writes")
        ]
    assert durable == ["on", "on", "on"]


async def test_settings_reach_the_server(postgres: EmbeddedPostgres) -> None:
    assert await query(postgres.url, "show fsync") == "off"
    assert await query(postgres.url, "show shared_buffers") == "16MB"


async def test_a_wrong_password_is_refused_over_tcp_and_over_the_socket(
    postgres: EmbeddedPostgres,
) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await query(postgres.url_for(password="wrong"), "select 1")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(
            host=str(postgres.socket_folder), port=postgres.port, user="postgres", password="wrong"
        )


async def test_the_password_and_the_log_are_private(
    state: Path, postgres: EmbeddedPostgres
) -> None:
    modes = {
        name: stat.S_IMODE((state / name).stat().st_mode) for name in ("password", "server.log")
    }
    assert modes == {"password": 0o600, "server.log": 0o600}
    assert not (state / "initdb-password").exists()
    assert (state / "password").read_text() in postgres.url


async def test_a_second_start_finds_its_data_and_keeps_its_port(state: Path) -> None:
    async with EmbeddedPostgres(state, settings=FAST) as first:
        await query(first.url, "create table kept (id int)")
        await query(first.url, "insert into kept values (7)")
    async with EmbeddedPostgres(state, settings=FAST) as second:
        assert await query(second.url, "select id from kept") == 7
        assert second.port == first.port


async def test_a_kept_port_that_is_taken_is_replaced(state: Path) -> None:
    async with EmbeddedPostgres(state, settings=FAST) as first:
        pass
    with socket.create_server(("127.0.0.1", first.port)):
        async with EmbeddedPostgres(state, settings=FAST) as second:
            assert second.port != first.port
            assert await query(second.url, "select 1") == 1


async def test_a_wanted_port_that_is_taken_is_named_in_the_error(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PostgresFailed, match=f"Port {port} on 127.0.0.1.*another process"):
            await EmbeddedPostgres(state, settings=FAST, port=port).start()


async def test_stop_ends_every_process_and_the_server_says_it_was_shut_down(state: Path) -> None:
    postgres = EmbeddedPostgres(state, settings=FAST)
    await postgres.start()
    family = [postgres.pid, *children_of(postgres.pid)]
    assert len(family) > 3
    await postgres.stop()
    assert [pid for pid in family if alive(pid)] == []
    assert "received fast shutdown request" in postgres.log_path.read_text()
    await postgres.stop()


async def test_stop_does_not_wait_for_open_sessions(postgres: EmbeddedPostgres) -> None:
    session = await asyncpg.connect(postgres.url)
    await postgres.stop()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await session.fetchval("select 1")
    await session.close()


async def test_after_kill_committed_rows_are_there_and_a_stale_pid_file_is_no_obstacle(
    state: Path,
) -> None:
    postgres = EmbeddedPostgres(state, settings={"shared_buffers": "16MB"})
    await postgres.start()
    await query(postgres.url, "create table kept as select 1 as id")
    family = [postgres.pid, *children_of(postgres.pid)]
    await postgres.kill()
    assert [pid for pid in family if alive(pid)] == []
    assert (state / "data" / "postmaster.pid").exists()
    async with postgres:
        assert await query(postgres.url, "select id from kept") == 1
    assert "automatic recovery in progress" in postgres.log_path.read_text()


async def test_wait_reports_the_signal_that_ended_the_server(postgres: EmbeddedPostgres) -> None:
    ended = asyncio.create_task(postgres.wait())
    await postgres.kill()
    assert await ended == -signal.SIGKILL


async def test_two_clusters_run_beside_each_other(state: Path) -> None:
    async with (
        EmbeddedPostgres(state / "a", settings=FAST) as left,
        EmbeddedPostgres(state / "b", settings=FAST) as right,
    ):
        systems = {
            await query(each.url, "select system_identifier from pg_control_system()")
            for each in (left, right)
        }
        assert len(systems) == 2
        assert left.port != right.port


async def test_a_second_server_on_the_same_data_is_refused(
    postgres: EmbeddedPostgres, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.local.postgres._PREDECESSOR_SECONDS_MAX", 0.0)
    with pytest.raises(PostgresFailed, match="Another server still runs"):
        await EmbeddedPostgres(state, settings=FAST).start()
    assert await query(postgres.url, "select 1") == 1


async def test_a_path_too_long_for_a_socket_leaves_tcp(state: Path) -> None:
    async with EmbeddedPostgres(state / ("x" * 90), settings=FAST) as running:
        assert running.socket_folder is None
        assert await query(running.url, "select 1") == 1


async def test_a_path_with_comma_blank_and_quote_works(state: Path) -> None:
    async with EmbeddedPostgres(state / "a, b'c", settings=FAST) as running:
        assert await query(running.url, "select 1") == 1
        assert running.socket_folder is not None
        assert any(running.socket_folder.iterdir())


async def test_an_interrupted_set_up_begins_anew(state: Path) -> None:
    (state / "data.new").mkdir(parents=True)
    (state / "data.new" / "half").write_text("written")
    async with EmbeddedPostgres(state, settings=FAST) as running:
        assert await query(running.url, "select 1") == 1
    assert not (state / "data" / "half").exists()


async def test_a_bad_setting_is_told_with_the_servers_own_words(state: Path) -> None:
    with pytest.raises(PostgresFailed, match='unrecognized configuration parameter "no_such"'):
        await EmbeddedPostgres(state, settings={"no_such": "1"}).start()


async def test_a_foreign_folder_is_not_overwritten(state: Path) -> None:
    (state / "data").mkdir(parents=True)
    (state / "data" / "letter").write_text("mine")
    with pytest.raises(PostgresFailed, match="holds no PostgreSQL cluster"):
        await EmbeddedPostgres(state).start()
    assert (state / "data" / "letter").read_text() == "mine"


def test_the_status_of_an_unfinished_pid_file_is_unknown(state: Path) -> None:
    files = ClusterFiles(state=state)
    files.data.mkdir(parents=True)
    assert files.postmaster_status() is None
    (files.data / "postmaster.pid").write_text("12\n/data\n")
    assert files.postmaster_status() is None
    (files.data / "postmaster.pid").write_text("12\n/d\n1\n5432\n/s\n\n1 2\nready   \n")
    assert files.postmaster_status() == (12, "ready")


@as_root
async def test_the_server_does_not_run_as_root(postgres: EmbeddedPostgres, state: Path) -> None:
    assert "0" not in status_of(postgres.pid)["Uid"]
    assert owner_of(state / "data") != 0
    assert owner_of(state) == 0


@as_root
async def test_a_state_folder_below_a_closed_folder_works_and_no_mode_changes(
    state: Path,
) -> None:
    closed = state / "closed"
    closed.mkdir(parents=True)
    closed.chmod(0o700)
    inner = closed / "inner"
    inner.mkdir(mode=0o700)
    async with EmbeddedPostgres(inner / "pg", settings=FAST) as running:
        assert await query(running.url, "select 1") == 1
        status = status_of(running.pid)
        assert "0" not in status["Uid"]
        # One capability and no more: dac_read_search (bit 2) or dac_override (bit 1).
        assert int(status["CapEff"][0], 16) in (1 << 2, 1 << 1)
        await running.stop()
        await running.start()
    for folder in (closed, inner):
        assert mode_and_owner(folder) == (0o700, 0)


LAUNCHER = """
import asyncio, sys
from pathlib import Path
from deploy.local.postgres import EmbeddedPostgres

async def main():
    postgres = EmbeddedPostgres(Path(sys.argv[1]), settings={"fsync": "off"})
    await postgres.start()
    print(postgres.pid, flush=True)
    await postgres.wait()

asyncio.run(main())
"""


@pytest.fixture(params=[0o711, 0o700])
def parent(state: Path, request: pytest.FixtureRequest) -> Path:
    """A folder that the server's user may traverse, and one that it may not."""
    state.mkdir()
    state.chmod(request.param)
    return state


async def test_the_server_ends_with_a_launcher_that_was_killed_and_starts_again(
    parent: Path,
) -> None:
    launcher = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LAUNCHER, str(parent / "pg"), stdout=subprocess.PIPE
    )
    assert launcher.stdout is not None
    pid = int(await launcher.stdout.readline())
    assert alive(pid)
    launcher.kill()
    await launcher.wait()
    # The next start waits for the server that is shutting down.
    async with EmbeddedPostgres(parent / "pg", settings=FAST) as running:
        assert await query(running.url, "select 1") == 1
        assert not alive(pid)
