"""Calls of scheduling as a tenant, and their outcomes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import grpc

from deploy.local.keys import Keys
from services.chassis.errors import from_call
from waybill.scheduling.v1 import scheduling_service_pb2 as pb
from waybill.scheduling.v1.scheduling_service_pb2_grpc import SchedulingServiceStub

CALL_SECONDS = 60
ALL_DAY = pb.WeeklyHours(
    hours=[pb.OpenHours(weekday=day, start_minute=0, end_minute=1440) for day in range(1, 8)]
)


class Tenant:
    """A stub whose calls carry a tenant's token and a deadline."""

    def __init__(self, channel: grpc.aio.Channel, keys: Keys, org_id: UUID) -> None:
        self._stub: Any = SchedulingServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {keys.tenant_token(org_id)}"),)

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._stub, method)
        return lambda request: call(request, timeout=CALL_SECONDS, metadata=self._metadata)

    async def a_calendar(self, **changes: Any) -> str:
        """A new calendar that is always open."""
        fields = {"name": "Room", "weekly_hours": ALL_DAY, **changes}
        answer = await self.CreateCalendar(pb.CreateCalendarRequest(**fields))
        calendar_id: str = answer.calendar.id
        return calendar_id

    async def book(self, calendar_id: str, at: datetime, minutes: int = 60, **more: Any) -> Any:
        """Books; raises AioRpcError where it is refused."""
        request = pb.BookAppointmentRequest(
            calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=minutes, **more
        )
        request.scheduled_at.FromDatetime(at)
        return (await self.BookAppointment(request)).appointment


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The refusal of a call."""

    reason: str
    status: str
    metadata: dict[str, str]


async def refusal(work: Any) -> Refused:
    """The refusal that a call ends with."""
    try:
        await work
    except grpc.aio.AioRpcError as failed:
        error = from_call(failed)
        if error is None:
            raise
        return Refused(
            reason=error.reason, status=failed.code().name, metadata=dict(error.metadata)
        )
    raise AssertionError("it was not refused")


async def outcome(work: Any) -> str:
    """'booked', or the reason of the refusal."""
    try:
        await work
    except grpc.aio.AioRpcError as failed:
        error = from_call(failed)
        return error.reason if error else failed.code().name
    return "booked"
