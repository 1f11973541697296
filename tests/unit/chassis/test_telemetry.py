"""Lines and spans say how work ended, and nothing of what persons wrote."""

import json
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry.trace import StatusCode

from services.chassis.config import ServiceConfig
from services.chassis.telemetry import WORK_SECONDS, log, span, telemetry, work
from services.chassis.trace import Start, is_trace_id, new_root
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
    yield
    structlog.configure(**before)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


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
    capsys: pytest.CaptureFixture[str],
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
    (line,) = lines(capsys)
    assert SECRET not in json.dumps(line)
    assert [each["exc_type"] for each in line["exception"]] == ["KeyError", "ValueError"]
    assert line["exception"][0]["frames"][-1]["name"].startswith("test_a_logged_exception")
    assert (line["service"], line["level"]) == ("probe", "error")


@pytest.mark.usefixtures("_logs_as_before")
def test_a_group_of_exceptions_is_logged_without_their_texts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with telemetry("probe", config()):
        try:
            raise ExceptionGroup(
                SECRET, [ValueError(SECRET), ExceptionGroup("x", [KeyError(SECRET)])]
            )
        except ExceptionGroup:
            log.error("crashed", exc_info=True)
    (line,) = lines(capsys)
    assert SECRET not in json.dumps(line)
    assert "ValueError" in json.dumps(line)


@pytest.mark.usefixtures("_logs_as_before")
def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    with telemetry("probe", config(log_level="WARNING")):
        log.info("quiet")
        log.warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


@pytest.mark.usefixtures("_logs_as_before")
def test_without_a_collector_spans_still_have_ids() -> None:
    with telemetry("probe", config()), work("batch", "probe") as unit:
        assert is_trace_id(unit.trace.trace_id)
        assert not unit.trace.sampled
        unit.silent = True
