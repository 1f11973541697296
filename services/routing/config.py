"""Routing's settings, from environment variables named `WAYBILL_ROUTING_<SETTING>`."""

import os
import socket
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.chassis.config import ServiceConfig


class RoutingConfig(ServiceConfig):
    """Settings of routing, beside those that every service has."""

    model_config = SettingsConfigDict(env_prefix="WAYBILL_ROUTING_")

    delivery_target: str = Field(description="host:port of delivery's gRPC server")
    dedupe_secrets_file: Path = Field(
        description="Key ring (as the sealing keys' file) that dedupe hashes are keyed with"
    )
    dedupe_window_days: float = Field(default=90, gt=0, le=3650)
    worker: str = Field(
        default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}",
        description="The name of this process in the locks of leads, for people",
    )
    route_batch_leads_max: int = Field(default=200, ge=1, le=500)
    route_lease_seconds: float = Field(default=30, ge=5, le=600)
    route_decide_seconds_max: float = Field(
        default=1, gt=0, description="Longest that one batch's rules may take; the rest goes back"
    )
    lead_cpu_seconds_max: float = Field(
        default=0.1, ge=0.01, le=1, description="CPU time that an org's rules may take on one lead"
    )
    condition_cpu_seconds_max: float = Field(
        default=0.05, ge=0.001, le=1, description="The same for the dry run of a new condition"
    )
    rule_evaluator_memory_bytes_max: int = Field(
        default=256 * 2**20,
        ge=128 * 2**20,
        le=2**32,
        description="Address space of a process that evaluates rules",
    )
    offer_batch_items_max: int = Field(default=200, ge=1, le=500)
    offer_lease_seconds: float = Field(default=30, ge=5, le=600)
    expire_every_seconds: float = Field(default=60, gt=0)
    expire_batch_leads_max: int = Field(default=1000, ge=1, le=10_000)
