"""Delivery's settings, from environment variables named `WAYBILL_DELIVERY_<SETTING>`."""

import os
import socket
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from services.chassis.config import OutboundSettings, ServiceConfig
from services.delivery.backoff import SCHEDULE_SECONDS

# What a lease must leave for reporting back after the longest HTTP call.
LEASE_MARGIN_SECONDS = 15.0


class DeliveryConfig(OutboundSettings, ServiceConfig):
    """Settings beyond those that every service has. Lists are JSON: `["a", "b"]`."""

    model_config = SettingsConfigDict(env_prefix="WAYBILL_DELIVERY_")

    routing_target: str = Field(description="host:port of routing's gRPC server")
    sync_target: str = Field(default="sync:8443", description="host:port of sync")
    worker: str = Field(
        default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}",
        description="The name of this process on its leases",
    )

    outbound_connect_seconds: float = Field(default=5, gt=0, le=60)
    outbound_total_seconds: float = Field(default=15, gt=0, le=300)
    outbound_dns_seconds: float = Field(default=3, gt=0, le=60)
    outbound_answer_bytes_max: int = Field(default=65_536, ge=512, le=1_048_576)

    send_batch_deliveries_max: int = Field(default=100, ge=1, le=1000)
    send_in_flight_max: int = Field(
        default=200,
        ge=1,
        le=10_000,
        description="Deliveries under way; a quarter is kept for workspaces below their share",
    )
    send_workspace_in_flight_max: int = Field(
        default=50, ge=1, le=1000, description="Deliveries under way to one workspace"
    )
    send_lease_seconds: float = Field(default=60, gt=0, le=3600)
    report_batch_deliveries_max: int = Field(default=200, ge=1, le=1000)

    retry_schedule_seconds: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        default=SCHEDULE_SECONDS, min_length=1, max_length=20
    )
    retry_jitter_share: float = Field(default=0.2, ge=0, le=1)
    retry_after_seconds_max: int = Field(default=3600, ge=1, le=86_400)
    throttle_seconds_min: float = Field(default=5, gt=0, le=3600)

    hold_seconds: float = Field(
        default=3600, gt=0, le=7 * 86_400, description="How long a credit is held for one try"
    )
    expire_holds_every_seconds: float = Field(default=30, gt=0)
    expire_holds_batch_max: int = Field(default=500, ge=1, le=10_000)
    wake_every_seconds: float = Field(default=5, gt=0)
    wake_workspaces_max: int = Field(default=100, ge=1, le=10_000)

    complete_batch_deliveries_max: int = Field(default=32, ge=1, le=1000)
    complete_waiting_max: int = Field(default=5000, ge=1)

    @model_validator(mode="after")
    def _lease_outlives_the_call(self) -> Self:
        if self.send_lease_seconds < self.outbound_total_seconds + LEASE_MARGIN_SECONDS:
            raise ValueError(
                f"send_lease_seconds must be outbound_total_seconds + {LEASE_MARGIN_SECONDS:g}"
                " or more, or a slow buyer would be sent the lead twice"
            )
        if self.hold_seconds < self.send_lease_seconds:
            raise ValueError("hold_seconds must be send_lease_seconds or more")
        return self
