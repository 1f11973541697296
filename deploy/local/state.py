"""The state folder: data, logs, keys, and what the last start chose."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from deploy.local.ports import free_port, taken_port

ROOT = Path(__file__).parent.parent.parent


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, in one step."""
    draft = path.with_suffix(path.suffix + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


class StateUnusable(RuntimeError):
    """Nothing can live in the state folder, or another launcher uses it; the text says why."""


class FolderInUse(StateUnusable):
    """Another launcher, the process `holder`, uses the folder."""

    def __init__(self, folder: Path, holder: str) -> None:
        super().__init__(
            f"Another `make run` (process {holder}) uses {folder}: "
            "end it, or choose another folder with WAYBILL_STATE_DIR and another port "
            "with WAYBILL_EDGE_PORT."
        )
        self.folder = folder
        self.holder = holder


def _folder_mode() -> int:
    """Root's PostgreSQL runs as another user, who must pass through; no other must."""
    return 0o711 if os.geteuid() == 0 else 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where everything of one local run lives."""

    folder: Path
    _chosen: dict[str, int] = field(default_factory=dict)
    """Ports of this start: once our own process listens there, they are taken."""

    @classmethod
    def open(cls, folder: Path | None = None) -> Self:
        """The folder given, or `WAYBILL_STATE_DIR`, or `.waybill`; made where it is not there.

        Raises StateUnusable.
        """
        chosen = folder or Path(os.environ.get("WAYBILL_STATE_DIR") or ROOT / ".waybill")
        state = cls(folder=chosen.absolute())
        try:
            state._make()
        except OSError as error:
            raise StateUnusable(
                f"{state.folder} cannot be the state folder ({error.strerror}): choose one that "
                "you may write to with WAYBILL_STATE_DIR."
            ) from error
        return state

    def _make(self) -> None:
        if not self.folder.exists():
            self.folder.mkdir(parents=True)
            self.folder.chmod(_folder_mode())
        for part in (self.logs, self.keys, self.edge):
            part.mkdir(mode=0o700, exist_ok=True)
        self._lock.touch(mode=0o600)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps the folder to ourselves; the kernel lets go of it when the process ends in any way.

        Raises FolderInUse when another process holds it.
        """
        with self._lock.open("a+") as lock:
            lock.seek(0)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise FolderInUse(self.folder, lock.read() or "unknown") from error
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    @property
    def _lock(self) -> Path:
        return self.folder / "lock"

    @property
    def postgres(self) -> Path:
        """The database cluster."""
        return self.folder / "postgres"

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.folder / "logs"

    @property
    def keys(self) -> Path:
        """Signing keys, key rings, tokens, passwords."""
        return self.folder / "keys"

    @property
    def edge(self) -> Path:
        """Envoy's configuration and the descriptors it transcodes by."""
        return self.folder / "edge"

    @property
    def env(self) -> Path:
        """What a shell sources to talk to this run."""
        return self.folder / "env"

    @property
    def _settings(self) -> Path:
        return self.folder / "settings.json"

    def settings(self) -> dict[str, Any]:
        """What the last start chose: ports."""
        if not self._settings.exists():
            return {}
        chosen: dict[str, Any] = json.loads(self._settings.read_text())
        return chosen

    def port(self, name: str, *, fixed: bool = False) -> int:
        """The port of the last start, or a free one; kept for the next start.

        A `fixed` one must stay as it is (rows name it): its user reports when it is taken.
        """
        if name in self._chosen:
            return self._chosen[name]
        settings = self.settings()
        ports = settings.setdefault("ports", {})
        if name not in ports or (not fixed and taken_port(ports[name])):
            ports[name] = free_port()
            write_private(self._settings, json.dumps(settings, indent=2))
        self._chosen[name] = ports[name]
        return self._chosen[name]
