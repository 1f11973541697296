"""What is counted, and where it is served."""

from typing import Final

from prometheus_client import Counter, Histogram, start_http_server

WORK_SECONDS: Final = Histogram(
    "waybill_work_seconds",
    "Duration of each unit of work, in seconds",
    ["kind", "name", "outcome"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
WORK_ITEMS: Final = Counter(
    "waybill_work_items_total", "Items of batches, by outcome", ["kind", "name", "outcome"]
)
LOG_LINES_DROPPED: Final = Counter(
    "waybill_log_lines_dropped_total", "Log lines that could not be written"
)
TELEMETRY_FAULTS: Final = Counter(
    "waybill_telemetry_faults_total", "Faults of telemetry that no work has noticed", ["part"]
)


def serve_metrics(listen: str) -> None:
    """Serves /metrics on host:port until the process ends."""
    host, _, port = listen.rpartition(":")
    start_http_server(int(port), addr=host)
