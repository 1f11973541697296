"""Settings of sync, `WAYBILL_SYNC_…`."""

import os
import socket
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from services.chassis.config import OutboundSettings, ServiceConfig


class SyncConfig(ServiceConfig, OutboundSettings):
    """What sync needs beyond what every service needs."""

    model_config = SettingsConfigDict(env_prefix="WAYBILL_SYNC_")

    graph_url: str = Field(
        default="https://graph.facebook.com/v26.0", description="Graph API, with its version"
    )
    graph_timeout_seconds: float = Field(default=30, gt=0, le=120)
    graph_response_bytes_max: int = Field(default=16 * 1024 * 1024, ge=64 * 1024)
    worker: str = Field(
        default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}",
        description="Who holds a page's lease, for people",
    )
    lease_seconds: float = Field(
        default=60, ge=5, le=600, description="Longer than the longest call and its wait"
    )
    call_interval_seconds: float = Field(
        default=0.5, gt=0, description="Meta allows two conversation calls a second for a page"
    )
    call_wait_seconds_max: float = Field(
        default=5, gt=0, description="Longest wait for a call under a lease; else it is given back"
    )
    usage_slow_percent_min: int = Field(
        default=75, ge=1, le=100, description="Usage that slows calls down"
    )
    usage_stop_percent_min: int = Field(
        default=90, ge=1, le=100, description="Usage that stops calls"
    )
    slow_factor: float = Field(default=4, ge=1, description="How much slower")
    run_seconds_max: float = Field(default=60, gt=0, description="Budget of one run: time")
    run_calls_max: int = Field(default=200, ge=1, description="Budget of one run: calls")
    run_new_rows_max: int = Field(default=50_000, ge=1, description="Budget of one run: new rows")
    list_conversations_max: int = Field(
        default=100, ge=1, le=500, description="Conversations per call"
    )
    overlap_seconds: float = Field(
        default=600, ge=0, description="How far below its watermark an incremental sync reads"
    )
    background_runs_concurrent_max: int = Field(default=4, ge=1, le=100)
    incremental_every_seconds: float = Field(default=900, gt=0)
    check_every_seconds: float = Field(default=3600, gt=0, description="Between checks of a page")
    silence_seconds: float = Field(
        default=6 * 3600, gt=0, description="A page that had events and has none for so long"
    )
    cleanup_every_seconds: float = Field(default=60, gt=0)

    @model_validator(mode="after")
    def _lease_outlasts_a_call(self) -> Self:
        """A lease that ends during a call would have every page pulled twice and stored never."""
        longest = self.graph_timeout_seconds + self.call_wait_seconds_max
        if self.lease_seconds <= longest:
            raise ValueError(
                "lease_seconds must be above graph_timeout_seconds + call_wait_seconds_max,"
                f" which are {longest:g}"
            )
        return self
