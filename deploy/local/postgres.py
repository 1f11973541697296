"""Starts and stops the embedded PostgreSQL: initdb, start, wait, stop, kill.

The server runs in the foreground as a child of the launcher, so its process id is known and it
ends (by a fast shutdown) when the launcher does, after `kill -9` too.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import asyncpg

from deploy.local.cluster import (
    ClusterFiles,
    PostgresFailed,
    binaries,
    environment,
    prepare_cluster,
    write_private,
)
from deploy.local.lifetime import send, with_death_signal
from deploy.local.ports import free_port, taken_port
from deploy.local.process_tree import alive, kill_tree
from deploy.local.process_user import ProcessUser, ProcessUserUnusable
from deploy.local.processes import Crash

__all__ = ["POSTGRES", "EmbeddedPostgres", "PostgresFailed", "ProcessUserUnusable"]

POSTGRES = "PostgreSQL"
_HOST = "127.0.0.1"
_DEFAULT_SETTINGS = {
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The detail of a failed constraint quotes the row: names and phones, in the server's log.
    "log_error_verbosity": "terse",
}
# A recovery reports every 10 s (log_startup_progress_interval), so a minute without a new line in
# the log is a server that hangs.
_SILENCE_SECONDS_MAX = 60.0
_PREDECESSOR_SECONDS_MAX = 15.0
_FAST_SHUTDOWN_SECONDS_MAX = 60.0
_QUIT_SECONDS_MAX = 10.0
_POLL_SECONDS = 0.02
_PREDECESSOR_SIGNS = ("already exists", "is still in use", "is in use")
_PORT_SIGNS = ("Address already in use",)


class EmbeddedPostgres:
    """One cluster in `state` and the server that runs on it.

    `settings` are server parameters for this start (tests pass `fsync=off`); without any the
    server is durable. `port` None means: the port of the last start, or a free one. `progress`
    is called with a sentence each second while a start takes long. `async with` starts and
    stops it.
    """

    def __init__(
        self,
        state: Path,
        *,
        settings: Mapping[str, str] | None = None,
        port: int | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self._files = ClusterFiles(state=state.absolute())
        self._settings = {**_DEFAULT_SETTINGS, **(settings or {})}
        self._wanted_port = port
        self._progress = progress
        self._port: int | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._restarting = False
        self._log_start = 0

    @property
    def port(self) -> int:
        """The TCP port on loopback. Raises PostgresFailed before the first start."""
        if self._port is None:
            raise PostgresFailed("PostgreSQL has not been started.")
        return self._port

    @property
    def pid(self) -> int:
        """The postmaster's process id. Raises PostgresFailed when it was not started."""
        if self._process is None:
            raise PostgresFailed("PostgreSQL has not been started.")
        return self._process.pid

    @property
    def log_path(self) -> Path:
        """The server's log file."""
        return self._files.log

    @property
    def socket_folder(self) -> Path | None:
        """The folder of the Unix socket; None when its path is too long and only TCP serves."""
        return self._files.sockets

    @property
    def url(self) -> str:
        """The superuser's URL of the database `postgres`, over TCP on loopback."""
        return self.url_for()

    def url_for(
        self, *, user: str = "postgres", password: str | None = None, database: str = "postgres"
    ) -> str:
        """A URL for `user`; without a password the superuser's one.

        `sslmode` is named because Go's driver (dbmate) asks for TLS by default.
        """
        secret = self._files.password.read_text() if password is None else password
        login = f"{quote(user, safe='')}:{quote(secret, safe='')}"
        name = quote(database, safe="")
        return f"postgresql://{login}@{_HOST}:{self.port}/{name}?sslmode=disable"

    async def start(self) -> None:
        """Starts the server and returns when it answers a query.

        Makes the cluster on the first start; after a crash the server repairs itself. Raises
        PostgresFailed with the server's last lines, or ProcessUserUnusable.
        """
        if self._process is not None and self._process.returncode is None:
            raise PostgresFailed("PostgreSQL is running already.")
        process_user = await prepare_cluster(
            self._files, durable=self._settings.get("fsync", "on") != "off"
        )
        self._make_socket_folder(process_user)
        patience = time.monotonic() + _PREDECESSOR_SECONDS_MAX
        while True:
            self._port = self._choose_port()
            self._log_start = self._files.log_size_bytes()
            if await self._launch(process_user):
                write_private(self._files.port, str(self._port))
                return
            await self._explain_or_retry(self._files.log_tail(since=self._log_start), patience)

    async def restart(self) -> None:
        """Starts a server that has ended again, on the port it had. Raises as `start` does."""
        self._restarting = True
        try:
            await self.start()
        finally:
            self._restarting = False

    async def stop(self) -> None:
        """Fast shutdown; what overruns it is ended harder. Harmless when nothing runs."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        for stop_signal, seconds in (
            (signal.SIGINT, _FAST_SHUTDOWN_SECONDS_MAX),
            (signal.SIGQUIT, _QUIT_SECONDS_MAX),
        ):
            send(process, stop_signal)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await process.wait()
                    return
        await self.kill()

    async def kill(self) -> None:
        """`kill -9` of the server and all its processes; returns when the last has ended."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        killed = kill_tree(process.pid)
        await process.wait()
        for _ in range(round(_QUIT_SECONDS_MAX / _POLL_SECONDS)):
            if not any(alive(pid) for pid in killed):
                return
            await asyncio.sleep(_POLL_SECONDS)
        raise PostgresFailed(f"Processes of PostgreSQL outlived SIGKILL: {killed}")

    async def wait(self) -> int:
        """Returns the server's exit code when it ends (negative: the signal that ended it)."""
        if self._process is None:
            raise PostgresFailed("PostgreSQL has not been started.")
        return await self._process.wait()

    async def crashed(self) -> Crash:
        """Waits for the server's end; with the last lines that it has logged since its start."""
        exit_code = await self.wait()
        lines = self._files.log_tail(since=self._log_start).splitlines()
        return Crash(name=POSTGRES, exit_code=exit_code, last_lines=tuple(lines))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def _choose_port(self) -> int:
        if self._wanted_port is not None:
            return self._wanted_port
        # Started before: its clients look for it there.
        if self._restarting and self._port is not None:
            return self._port
        with contextlib.suppress(FileNotFoundError, ValueError):
            kept = int(self._files.port.read_text())
            if not taken_port(kept, _HOST):
                return kept
        return free_port(_HOST)

    def _make_socket_folder(self, process_user: ProcessUser) -> None:
        folder = self._files.sockets
        if folder is None:
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        process_user.give(folder)

    def _command(self) -> list[str]:
        folder = self._files.sockets
        # A list of folders, split at commas unless quoted.
        sockets = "" if folder is None else '"' + str(folder).replace('"', '""') + '"'
        settings = {
            **self._settings,
            "listen_addresses": _HOST,
            "port": str(self._port),
            "unix_socket_directories": sockets,
            "logging_collector": "off",
            "log_destination": "stderr",
        }
        command = [str(binaries() / "postgres"), "-D", str(self._files.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return command

    async def _launch(self, process_user: ProcessUser) -> bool:
        """Starts a server and waits until it answers; False when it ended instead."""
        log = os.open(self._files.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *process_user.command(with_death_signal(self._command(), signal.SIGINT)),
                cwd="/",
                env=environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in a terminal reaches a whole session; the launcher decides who stops when.
                start_new_session=True,
                **process_user.spawn_arguments(),
            )
        finally:
            os.close(log)
        try:
            return await self._answers(self._process)
        except BaseException:
            await self.kill()
            raise

    async def _answers(self, process: asyncio.subprocess.Process) -> bool:
        started = logged_at = reported_at = time.monotonic()
        log_size_bytes = self._files.log_size_bytes()
        while process.returncode is None:
            if self._files.postmaster_status() == (process.pid, "ready") and await self._select():
                return True
            now = time.monotonic()
            if self._files.log_size_bytes() > log_size_bytes:
                logged_at, log_size_bytes = now, self._files.log_size_bytes()
            if now - logged_at > _SILENCE_SECONDS_MAX:
                raise PostgresFailed(
                    f"PostgreSQL did not get ready and has said nothing for "
                    f"{_SILENCE_SECONDS_MAX:.0f} s:\n{self._files.log_tail()}"
                )
            if self._progress is not None and now - reported_at >= 1:
                reported_at = now
                self._progress(f"PostgreSQL is starting ({now - started:.0f} s)")
            await asyncio.sleep(_POLL_SECONDS)
        return False

    async def _select(self) -> bool:
        """Whether the server answers a query. Raises PostgresFailed on a wrong password."""
        try:
            connection = await asyncpg.connect(self.url, timeout=10)
        except asyncpg.InvalidPasswordError as error:
            raise PostgresFailed(
                f"{self._files.password} does not hold the superuser's password of this cluster."
            ) from error
        except (OSError, asyncpg.PostgresError):
            return False
        try:
            return bool(await connection.fetchval("select true"))
        finally:
            await connection.close()

    async def _explain_or_retry(self, tail: str, patience: float) -> None:
        """Returns when another try may help (after a pause); raises PostgresFailed otherwise."""
        if any(sign in tail for sign in _PORT_SIGNS):
            if self._wanted_port is not None:
                raise PostgresFailed(
                    f"Port {self._wanted_port} on {_HOST}, which PostgreSQL needs, is in use by "
                    "another process: end that process or choose another port."
                )
        elif not any(sign in tail for sign in _PREDECESSOR_SIGNS):
            raise PostgresFailed(f"PostgreSQL ended while starting:\n{tail}")
        if time.monotonic() > patience:
            raise PostgresFailed(
                f"Another server still runs on {self._files.data}: end it first.\n{tail}"
            )
        # A server whose launcher was killed needs a moment to shut down.
        await asyncio.sleep(_POLL_SECONDS * 10)
