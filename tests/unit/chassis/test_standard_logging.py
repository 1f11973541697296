"""What libraries and the interpreter say becomes JSON, without what it quotes."""

import asyncio
import gc
import json
import logging
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from services.chassis.telemetry import telemetry, work
from services.chassis.telemetry.standard_logging import text_of
from tests.unit.chassis.test_telemetry import _logs_as_before, config, lines

__all__ = ["_logs_as_before"]
SECRET = "ada.lovelace@example.com"
# The core says on standard error that it cannot listen there.
CORE = """
import services.chassis
import grpc
server = grpc.server(None)
try:
    server.add_insecure_port("unix:/nowhere/at/all")
except RuntimeError:
    pass
"""


@pytest.fixture(autouse=True)
def _as_a_service(_logs_as_before: Any) -> Iterator[None]:
    with telemetry("probe", config()):
        yield


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ("retrying in %.2fs after %s", (1.5, grpc.StatusCode.UNAVAILABLE),
         "retrying in 1.50s after UNAVAILABLE"),
        ("cannot read %s", (SECRET,), "cannot read …"),
        ("%d of %s", (3, ValueError), "3 of ValueError"),
        (f"never retrieved\nexception=ValueError('{SECRET}')", (), "never retrieved"),
        ("%(a)s is bad", ({"a": SECRET},), "%(a)s is bad"),
        ("", (), ""),
    ],
)  # fmt: skip
def test_a_record_becomes_a_line_without_what_it_quotes(
    capfd: pytest.CaptureFixture[str], text: str, arguments: tuple[Any, ...], expected: str
) -> None:
    logging.getLogger("asyncpg.pool").warning(text, *arguments)
    (line,) = lines(capfd)
    assert line["event"] == expected
    assert (line["service"], line["level"]) == ("probe", "warning")
    assert line["logger"] == "asyncpg.pool"
    assert line["time"]
    assert SECRET not in json.dumps(line)


def test_a_template_that_does_not_fit_its_arguments_stands_as_it_is() -> None:
    record = logging.LogRecord("grpc", logging.ERROR, "", 1, "one %s too few %s", (1,), None)
    assert text_of(record) == "one %s too few %s"


def test_an_exception_of_a_library_is_redacted_and_traced(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with work("batch", "probe") as unit:
        unit.silent = True
        try:
            raise KeyError(SECRET)
        except KeyError:
            logging.getLogger("aiohttp.server").exception("Error handling request")
    (line,) = lines(capfd)
    assert line["exception"][0]["exc_type"] == "KeyError"
    assert line["trace_id"] == unit.trace.trace_id
    assert SECRET not in json.dumps(line)


async def test_a_task_that_nobody_awaited_is_one_line_of_json(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def fail() -> None:
        raise ValueError(SECRET)

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    del task
    gc.collect()
    (line,) = lines(capfd)
    assert (line["event"], line["logger"]) == ("Task exception was never retrieved", "asyncio")
    assert SECRET not in json.dumps(line)


def test_a_thread_that_fails_is_one_line_of_json(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError(SECRET)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    (line,) = lines(capfd)
    assert (line["event"], line["error"]) == ("uncaught in a thread", "ValueError")
    assert SECRET not in json.dumps(line)


def test_a_finalizer_that_fails_is_one_line_of_json(capfd: pytest.CaptureFixture[str]) -> None:
    class Failing:
        def __del__(self) -> None:
            raise ValueError(SECRET)

    Failing()
    gc.collect()
    (line,) = lines(capfd)
    assert (line["event"], line["error"]) == ("uncaught in a finalizer", "ValueError")
    assert SECRET not in json.dumps(line)


def test_a_warning_is_one_line_of_json(capfd: pytest.CaptureFixture[str]) -> None:
    warnings.showwarning(DeprecationWarning(SECRET), DeprecationWarning, "/a/module.py", 7)
    (line,) = lines(capfd)
    assert (line["category"], line["file"], line["line"]) == ("DeprecationWarning", "module.py", 7)
    assert SECRET not in json.dumps(line)


@pytest.mark.parametrize(("verbosity", "speaks"), [(None, False), ("ERROR", True)])
def test_the_core_of_grpc_is_silent_unless_it_is_asked(verbosity: str | None, speaks: bool) -> None:
    environment = {name: text for name, text in os.environ.items() if name != "GRPC_VERBOSITY"}
    if verbosity:
        environment["GRPC_VERBOSITY"] = verbosity
    ended = subprocess.run(
        [sys.executable, "-c", CORE], env=environment, capture_output=True, check=True
    )
    assert bool(ended.stderr) is speaks, ended.stderr
