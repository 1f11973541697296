"""Live spans reach a collector whatever flags rows have, and do not hold a process that ends."""

import asyncio
import signal
import socket
import sys
from threading import Event
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from services.chassis.telemetry import span, tracing
from services.chassis.telemetry.export import SHUTDOWN_SECONDS_MAX, exported, shut_down
from services.chassis.trace import Start, new_root
from tests.chaos.collector import collecting
from tests.rpc.chassis.recording import recording

# A service's life: it works, is asked to end, and exports what is left.
PROGRAM = """
import sys
import time
import asyncio
from pathlib import Path
from services.chassis.config import ServiceConfig
from services.chassis.lifetime import run
from services.chassis.telemetry import log, telemetry, work
nothing = Path("nowhere")
config = ServiceConfig(database_url="", listen="", jwks_file=nothing, token_file=nothing,
    sealing_keys_file=nothing, otlp_endpoint=sys.argv[1])
async def main(stopping):
    with telemetry("probe", config):
        for _ in range(1000):
            with work("batch", "probe") as unit:
                unit.silent = True
        log.info("worked")
        await stopping.wait()
        began = time.monotonic()
    log.info("exported", seconds=time.monotonic() - began)
run(main)
"""


class Stuck(SpanExporter):
    """Exports nothing until it is cut off."""

    def __init__(self) -> None:
        self.called, self.cut_off = Event(), Event()

    def export(self, spans: Any) -> SpanExportResult:
        """Returns once it is cut off."""
        self.called.set()
        self.cut_off.wait()
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Cuts it off."""
        self.cut_off.set()


def test_an_export_that_hangs_at_the_end_is_cut_off_and_the_log_says_so() -> None:
    exporter, provider = Stuck(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    with recording() as said:
        with tracing(provider), span("probe"):
            pass
        shut_down(provider, exporter, seconds_max=0.6)
    assert exporter.called.is_set()
    assert exporter.cut_off.is_set()
    (line,) = said.lines
    assert line["event"] == "live spans are lost: the collector does not take them"


async def collector_of(kind: str) -> tuple[str, socket.socket]:
    """An endpoint where nothing listens, or where all is read and nothing answered."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    if kind == "silent":
        listener.listen()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", listener


@pytest.mark.parametrize("kind", ["absent", "silent"])
async def test_a_service_that_ends_waits_for_its_collector_for_a_bounded_time(kind: str) -> None:
    endpoint, listener = await collector_of(kind)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, endpoint, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    while b'"worked"' not in await process.stdout.readline():
        pass
    process.send_signal(signal.SIGTERM)
    # The exporter by itself takes 7 s where nothing listens, and 17 s where nothing is answered.
    async with asyncio.timeout(SHUTDOWN_SECONDS_MAX + 3):
        said, _ = await process.communicate()
    listener.close()
    assert process.returncode == 0
    assert b"live spans are lost" in said


@pytest.mark.parametrize("sampled", [True, False])
async def test_a_rows_stale_sampling_flag_loses_no_span(sampled: bool) -> None:
    parent = new_root(sampled=sampled)
    async with collecting() as collector:

        def work_and_end() -> None:
            with (
                exported("probe", collector.endpoint) as provider,
                tracing(provider),
                span("process leadgen", start=Start(parent=parent)),
                span("ingest.settle_webhook_items"),
            ):
                pass

        await asyncio.to_thread(work_and_end)
        found = {(each.service, each.trace_id, each.name) for each in collector.spans()}
    assert found == {
        ("probe", parent.trace_id, "process leadgen"),
        ("probe", parent.trace_id, "ingest.settle_webhook_items"),
    }
