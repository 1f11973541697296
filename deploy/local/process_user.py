"""Which system user runs a program that refuses to run as root."""

import asyncio
import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.lifetime import setpriv

# CAP_DAC_READ_SEARCH only reads and traverses, so it comes first; containers often drop it and
# keep CAP_DAC_OVERRIDE. Numbers: linux/capability.h.
_TRAVERSING_CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}


class ProcessUserUnusable(RuntimeError):
    """No system user can run the program here; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessUser:
    """Who a child process runs as.

    `user_id` and `group_id` are None when the child runs as the caller. `capability` names the
    one that the child keeps in order to traverse folders closed to its user.
    """

    user_id: int | None = None
    group_id: int | None = None
    capability: str | None = None

    def command(self, command: Sequence[str]) -> list[str]:
        """The command, preceded by what switches the user."""
        tool = setpriv()
        if self.user_id is None or tool is None:
            return list(command)
        switch = [tool, f"--reuid={self.user_id}", f"--regid={self.group_id}", "--clear-groups"]
        return [*switch, *self._lift(), "--", *command]

    def _lift(self) -> list[str]:
        """Keeps the one capability and no other."""
        if self.capability is None:
            return ["--no-new-privs"]
        kept = f"-all,+{self.capability}"
        # access(2) ignores capabilities of ordinary users unless no_setuid_fixup is set, and
        # PostgreSQL finds its own files by access(2).
        return [
            f"--inh-caps={kept}",
            f"--ambient-caps={kept}",
            "--securebits=+no_setuid_fixup",
            "--no-new-privs",
        ]

    def spawn_arguments(self) -> dict[str, Any]:
        """Keyword arguments of `subprocess` that switch the user where `setpriv` is missing."""
        if self.user_id is None or setpriv() is not None:
            return {}
        return {"user": self.user_id, "group": self.group_id, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Makes the child's user the owner of `path`; only that path, never what lies above."""
        if self.user_id is not None and self.group_id is not None:
            os.chown(path, self.user_id, self.group_id)


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _user_for(folder: Path, names: Sequence[str]) -> tuple[int, int]:
    """User and group id: the folder's owner, or of root's folder the first system user."""
    owner = folder.stat()
    if owner.st_uid:
        return owner.st_uid, owner.st_gid
    for name in names:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return user.pw_uid, user.pw_gid
    raise ProcessUserUnusable(
        f"root cannot run this program and none of the system users {', '.join(names)} exists: "
        "create one of them or start as an ordinary user."
    )


async def _reaches(process_user: ProcessUser, program: Path, folder: Path) -> bool:
    """Whether that user can execute `program` and write into `folder`: tried, not computed."""
    dry_run = '"$0" --version && cd "$1" && test -w .'
    try:
        process = await asyncio.create_subprocess_exec(
            *process_user.command(["/bin/sh", "-c", dry_run, str(program), str(folder)]),
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            **process_user.spawn_arguments(),
        )
    except PermissionError:
        return False
    return await process.wait() == 0


async def process_user_for(
    program: Path, folder: Path, *, names: Sequence[str] = ("postgres", "nobody")
) -> ProcessUser:
    """Who can run `program` with `folder` as its own data.

    As an ordinary user: the caller. As root: the user who owns `folder` already, else the first of
    `names` that exists; with a capability that traverses closed folders only when it is needed.
    `folder` is given to that user, no folder above it is touched. Raises ProcessUserUnusable.
    """
    if os.geteuid() != 0:
        return _caller(folder)
    user_id, group_id = _user_for(folder, names)
    plain = ProcessUser(user_id=user_id, group_id=group_id)
    plain.give(folder)
    if await _reaches(plain, program, folder):
        return plain
    capabilities = _effective_capabilities() if setpriv() is not None else 0
    for name, number in _TRAVERSING_CAPABILITIES.items():
        lifted = ProcessUser(user_id=user_id, group_id=group_id, capability=name)
        if capabilities >> number & 1 and await _reaches(lifted, program, folder):
            return lifted
    raise ProcessUserUnusable(
        f"root cannot run {program.name}, and user id {user_id} can reach {program} or {folder} "
        "neither by itself nor with a capability of ours (which takes `setpriv` of util-linux). "
        "Move the state folder and the virtual environment below folders that everybody may "
        "traverse (mode 711), or start as an ordinary user who owns them."
    )


def _caller(folder: Path) -> ProcessUser:
    if folder.stat().st_uid != os.geteuid():
        raise ProcessUserUnusable(
            f"{folder} belongs to another user (id {folder.stat().st_uid}): start as that user "
            "or as root, or choose another state folder."
        )
    return ProcessUser()
