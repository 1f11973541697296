"""Lines and spans say how work ended, and nothing of what persons wrote."""

import json
import logging
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import StatusCode
from structlog.testing import capture_logs

from services.chassis.config import ServiceConfig
from services.chassis.telemetry import WORK_SECONDS, log, note, span, telemetry, tracing, work
from services.chassis.telemetry.metrics import TELEMETRY_FAULTS
from services.chassis.trace import Start, from_otel, is_trace_id, new_root
from tests.rpc.chassis.recording import recording

SECRET = "ada.lovelace@example.com"


def config(**more: Any) -> ServiceConfig:
    nothing = Path("nowhere")
    return ServiceConfig(
        database_url="",
        listen="",
        jwks_file=nothing,
        token_file=nothing,
        sealing_keys_file=nothing,
        **more,
    )


@pytest.fixture
def _logs_as_before() -> Any:
    before = structlog.get_config()
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning
    yield
    structlog.configure(**before)
    root.handlers, root.level = handlers, level
    sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning = hooks


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_work_leaves_one_line_with_outcome_time_and_trace() -> None:
    with recording() as said, work("batch", "probe") as unit:
        unit.note(items=3)
    line = said.line("batch")
    assert (line["name"], line["outcome"], line["items"]) == ("probe", "ok", 3)
    assert line["duration_ms"] >= 0
    assert is_trace_id(line["trace_id"])


def test_work_that_fails_leaves_its_line_too() -> None:
    with recording() as said, pytest.raises(ValueError, match="ada"), work("batch", "probe"):
        raise ValueError(SECRET)
    assert said.line("batch")["outcome"] == "ValueError"
    (ended,) = said.exporter.get_finished_spans()
    assert ended.status.status_code is StatusCode.ERROR
    assert ended.status.description == "ValueError"
    assert SECRET not in said.everything()


def test_an_outcome_that_was_said_is_kept_though_it_raises() -> None:
    def fail() -> None:
        with work("rpc", "probe") as unit:
            unit.outcome = "NOT_FOUND"
            raise ValueError("x")

    with recording() as said, pytest.raises(ValueError, match="x"):
        fail()
    assert said.line("rpc")["outcome"] == "NOT_FOUND"


def test_silent_work_is_neither_logged_nor_counted() -> None:
    counted = WORK_SECONDS.labels("batch", "silent probe", "ok")
    before = counted._sum.get()
    with recording() as said, work("batch", "silent probe") as unit:
        unit.silent = True
    assert said.lines == []
    assert counted._sum.get() == before


def test_a_span_starts_where_it_is_told() -> None:
    parent, linked = new_root(sampled=True), new_root()
    with recording() as said:
        with span("child", start=Start(parent=parent, links=(linked,))):
            pass
        with span("outer"), span("root", start=Start(parent=None)):
            pass
    child, root, outer = said.exporter.get_finished_spans()
    assert f"{child.context.trace_id:032x}" == parent.trace_id
    assert [f"{link.context.trace_id:032x}" for link in child.links] == [linked.trace_id]
    assert root.parent is None
    assert root.context.trace_id != outer.context.trace_id


@pytest.mark.usefixtures("_logs_as_before")
def test_a_logged_exception_keeps_its_type_and_place_and_not_its_text(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with telemetry("probe", config()):
        try:
            try:
                raise ValueError(SECRET)
            except ValueError as cause:
                cause.add_note(SECRET)
                raise KeyError(SECRET) from cause
        except KeyError:
            log.error("uncaught", exc_info=True)
    (line,) = lines(capfd)
    assert SECRET not in json.dumps(line)
    assert [each["exc_type"] for each in line["exception"]] == ["KeyError", "ValueError"]
    assert line["exception"][0]["frames"][-1]["name"].startswith("test_a_logged_exception")
    assert (line["service"], line["level"]) == ("probe", "error")


@pytest.mark.usefixtures("_logs_as_before")
def test_a_group_of_exceptions_is_logged_without_their_texts(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with telemetry("probe", config()):
        try:
            raise ExceptionGroup(
                SECRET, [ValueError(SECRET), ExceptionGroup("x", [KeyError(SECRET)])]
            )
        except ExceptionGroup:
            log.error("crashed", exc_info=True)
    (line,) = lines(capfd)
    assert SECRET not in json.dumps(line)
    assert "ValueError" in json.dumps(line)


@pytest.mark.usefixtures("_logs_as_before")
def test_lines_below_the_level_are_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    with telemetry("probe", config(log_level="WARNING")):
        log.info("quiet")
        log.warning("loud")
    assert [line["event"] for line in lines(capfd)] == ["loud"]


@pytest.mark.usefixtures("_logs_as_before")
def test_without_a_collector_spans_still_have_ids() -> None:
    with telemetry("probe", config()), work("batch", "probe") as unit:
        assert is_trace_id(unit.trace.trace_id)
        assert not unit.trace.sampled
        unit.silent = True


class Unwritable:
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError(SECRET)


@pytest.mark.usefixtures("_logs_as_before")
def test_a_field_that_cannot_be_written_costs_only_itself(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with telemetry("probe", config()), work("batch", "probe") as unit:
        unit.note(bad=Unwritable())
    (line,) = lines(capfd)
    assert (line["event"], line["outcome"], line["service"]) == ("work", "ok", "probe")
    assert line["trace_id"] == unit.trace.trace_id


@pytest.mark.usefixtures("_logs_as_before")
def test_every_line_inside_work_has_service_time_and_trace(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with telemetry("probe", config()):
        log.info("outside")
        with work("batch", "probe") as unit:
            unit.silent = True
            log.info("inside")
            log.info("of another", trace_id="f" * 32)
    outside, inside, other = lines(capfd)
    assert all(line["service"] == "probe" and line["time"] for line in (outside, inside, other))
    assert "trace_id" not in outside
    assert inside["trace_id"] == unit.trace.trace_id
    assert (other["trace_id"], "span_id" in other) == ("f" * 32, False)


class FailingStart(SpanProcessor):
    """Fails where spans begin."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Fails."""
        raise RuntimeError(SECRET)


class FailingEnd(SpanProcessor):
    """Fails where spans end."""

    def on_end(self, span: Any) -> None:
        """Fails."""
        raise RuntimeError(SECRET)


@pytest.mark.parametrize("failing", [FailingStart(), FailingEnd()], ids=["start", "end"])
def test_what_telemetry_raises_reaches_nobody_and_is_counted(failing: SpanProcessor) -> None:
    provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(failing)
    counted = TELEMETRY_FAULTS.labels("span")
    before = counted._value.get()
    parent = new_root()
    with tracing(provider), capture_logs() as said:
        with work("batch", "probe", start=Start(parent=parent)) as unit:
            pass
        with work("batch", "probe") as outer, span("inner") as inner:
            pass
    assert counted._value.get() == before + 3
    assert unit.trace.trace_id == parent.trace_id
    assert from_otel(inner.get_span_context()).trace_id == outer.trace.trace_id
    assert [line["outcome"] for line in said if line["event"] == "work"] == ["ok", "ok"]
    assert SECRET not in str([line for line in said if line["event"] == "work"])


def test_a_note_may_have_any_name() -> None:
    with recording() as said, work("batch", "probe") as unit:
        unit.note(kind="another", name="another", event="another")
    assert said.line("batch")["name"] == "probe"


def test_whoever_does_the_work_notes_on_its_line() -> None:
    with recording() as said:
        with work("batch", "outer"):
            with work("call", "inner"):
                note(reason="INNER")
            note(reason="OUTER")
        note(reason="NOBODY")
    assert [said.line(kind)["reason"] for kind in ("call", "batch")] == ["INNER", "OUTER"]
