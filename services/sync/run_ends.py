"""How runs end."""

from typing import Final

from services.sync.backoff import next_run_seconds
from services.sync.graph_errors import GraphError
from services.sync.position import Position
from services.sync.records.pulls import RunEnd

FINISHED: Final = "finished"
LIMITED: Final = "limited"


def completed(position: Position) -> RunEnd:
    """The session is done."""
    return RunEnd(
        status="completed",
        outcome=FINISHED,
        error="Meta's cursors led nowhere" if position.gave_up else None,
        completeness=position.completeness,
        watermark_at=position.watermark_at,
        token_status="good",
    )


def paused(outcome: str, *, error: str | None = None, due_seconds: float = 0) -> RunEnd:
    """The session continues with another run."""
    return RunEnd(status="paused", outcome=outcome, error=error, due_seconds=due_seconds)


def failed(error: GraphError, failures: int = 0) -> RunEnd:
    """The session ends; `failures`: runs in a row that failed, this one included."""
    return RunEnd(status="failed", outcome="failed", error=error.reason, failures=failures)


def failed_or_retried(error: GraphError, failures: int) -> RunEnd:
    """Continues after a delay, unless too many runs in a row have failed."""
    seconds = next_run_seconds(failures)
    if seconds is None:
        return failed(error, failures)
    return RunEnd(
        status="paused",
        outcome="error",
        error=error.reason,
        failures=failures,
        due_seconds=seconds,
    )


def without_token(token_status: str, error: GraphError) -> RunEnd:
    """Waits until the page is connected again; the session keeps its place."""
    return RunEnd(status="paused", outcome="token", error=error.reason, token_status=token_status)
