"""Scheduling's settings, from environment variables named `WAYBILL_SCHEDULING_<SETTING>`."""

import math
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from services.chassis.config import OutboundSettings, ServiceConfig


class SchedulingConfig(OutboundSettings, ServiceConfig):
    """Settings of scheduling besides those of every service."""

    model_config = SettingsConfigDict(env_prefix="WAYBILL_SCHEDULING_")

    http_listen: str = Field(description="host:port of the calendar feeds")
    sync_target: str = Field(default="sync:8443", description="host:port of sync")
    feed_past_days: int = Field(default=30, ge=0, le=366)
    feed_appointments_max: int = Field(default=2000, ge=1, le=20_000)

    expire_holds_every_seconds: float = Field(default=5, gt=0)
    expire_holds_batch_max: int = Field(default=200, ge=1, le=10_000)
    promote_waiting_every_seconds: float = Field(default=5, gt=0)
    promote_waiting_batch_max: int = Field(default=200, ge=1, le=10_000)
    reminders_every_seconds: float = Field(default=30, gt=0)
    reminders_batch_max: int = Field(default=500, ge=1, le=10_000)

    import_batch_max: int = Field(default=10, ge=1, le=100)
    import_lease_seconds: float = Field(default=120, gt=0, le=3600)
    import_bytes_max: int = Field(default=5 * 1024 * 1024, ge=1024, le=50 * 1024 * 1024)
    import_seconds_max: float = Field(default=20, gt=0, le=60)
    import_readers_max: int = Field(default=2, ge=1, le=20)
    import_reading_seconds_max: float = Field(default=15, ge=1, le=60)
    import_memory_bytes_max: int = Field(
        default=512 * 1024 * 1024, ge=128 * 1024 * 1024, le=4 * 1024 * 1024 * 1024
    )

    @model_validator(mode="after")
    def _lease_outlasts_a_batch(self) -> Self:
        """A batch whose lease ran out would be read twice."""
        readings = math.ceil(self.import_batch_max / self.import_readers_max)
        longest = self.import_seconds_max + readings * self.import_reading_seconds_max
        if self.import_lease_seconds <= longest:
            raise ValueError(f"import_lease_seconds must be more than {longest:g}")
        return self
