"""Lines that cannot be written are dropped and counted, and one line says so afterwards."""

import errno
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from services.chassis.telemetry.line_output import LineOutput
from services.chassis.telemetry.metrics import LOG_LINES_DROPPED

# A process of its own: its standard output is what the test says.
PROGRAM = """
import sys
from pathlib import Path
from services.chassis.config import ServiceConfig
from services.chassis.telemetry import log, telemetry, work
from services.chassis.telemetry.metrics import LOG_LINES_DROPPED
nothing = Path("nowhere")
config = ServiceConfig(database_url="", listen="", jwks_file=nothing, token_file=nothing,
    sealing_keys_file=nothing)
with telemetry("probe", config):
    sys.stdin.readline()
    with work("batch", "probe"):
        log.warning("inside")
sys.stderr.write(f"dropped {LOG_LINES_DROPPED._value.get():g}")
"""


class Disk:
    """A file that has room for so many bytes, as `os.write` would fill it."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.written = b""

    def write(self, _: int, data: bytes) -> int:
        """Takes what there is room for."""
        taken = data[: self.room]
        if not taken:
            raise OSError(errno.ENOSPC, "no space left on device")
        self.room -= len(taken)
        self.written += taken
        return len(taken)


def dropped() -> float:
    return float(LOG_LINES_DROPPED._value.get())


def test_a_line_that_cannot_be_written_is_dropped_and_counted_and_told_of_once() -> None:
    disk, before = Disk(room=0), dropped()
    output = LineOutput("probe", write=disk.write)
    output.line('{"event": "lost"}')
    output.line('{"event": "lost too"}')
    assert dropped() == before + 2
    disk.room = 10_000
    output.line('{"event": "kept"}')
    output.line('{"event": "last"}')
    lines = [json.loads(line) for line in disk.written.splitlines()]
    assert [each["event"] for each in lines] == ["log lines were dropped", "kept", "last"]
    assert (lines[0]["service"], lines[0]["lines"]) == ("probe", 2)
    assert lines[0]["time"]


def test_a_line_that_was_cut_off_does_not_spoil_the_next_one() -> None:
    disk = Disk(room=5)
    output = LineOutput("probe", write=disk.write)
    output.line('{"event": "torn"}')
    disk.room = 10_000
    output.line('{"event": "kept"}')
    torn, notice, kept = disk.written.splitlines()
    assert torn == b'{"eve'
    assert json.loads(notice)["lines"] == 1
    assert json.loads(kept) == {"event": "kept"}


def test_a_pipe_that_takes_a_line_in_parts_gets_all_of_it() -> None:
    read, write = os.pipe()

    def few(descriptor: int, data: bytes) -> int:
        return os.write(descriptor, data[:3])

    LineOutput("probe", write, few).line("a line of some length")
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b"a line of some length\n"


@pytest.mark.parametrize("kind", ["full", "closed"])
def test_a_process_outlives_an_output_that_takes_nothing(kind: str) -> None:
    output: Any = subprocess.PIPE
    if kind == "full":
        output = os.open("/dev/full", os.O_WRONLY)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE, stdout=output, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    if process.stdout is None:
        os.close(output)
    else:
        process.stdout.close()
        process.stdout = None
    _, said = process.communicate("go\n")
    assert (process.returncode, said) == (0, "dropped 2")
