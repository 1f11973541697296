"""RPCs about holds."""

from typing import Any, Final

from services.chassis.errors import not_found
from services.chassis.fields import parse_uuid
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page_from
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.scheduling.edge.answers import to_appointment, to_hold
from services.scheduling.edge.booking_times import BookingTimes
from services.scheduling.edge.fields import SchedulingFields
from services.scheduling.edge.parsing import (
    NOTES_CHARACTERS_MAX,
    parse_booking,
    parse_status,
    parse_time,
    parse_time_and_id,
)
from services.scheduling.records.appointments import HOLD_STATUSES
from services.scheduling.store.holds import HoldStore
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

HOLD_SECONDS: Final = 600
HOLD_SECONDS_MIN: Final = 10
HOLD_SECONDS_MAX: Final = 86_400


class HoldHandlers:
    """Handlers of holds."""

    def __init__(self, holds: HoldStore, times: BookingTimes) -> None:
        self._holds = holds
        self._times = times

    async def HoldSlot(self, request: pb.HoldSlotRequest, context: Any) -> pb.HoldSlotResponse:
        org_id, fields = caller().org, SchedulingFields()
        booking, time = parse_booking(fields, request), parse_time(fields, request)
        seconds = fields.number(
            "hold_seconds",
            request.hold_seconds or HOLD_SECONDS,
            HOLD_SECONDS_MIN,
            HOLD_SECONDS_MAX,
        )
        fields.done()
        hold = await self._holds.hold_slot(
            org_id,
            booking,
            await self._times.instant(org_id, booking, time),
            seconds,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        return pb.HoldSlotResponse(hold=to_hold(hold))

    async def ConfirmHold(
        self, request: pb.ConfirmHoldRequest, context: Any
    ) -> pb.ConfirmHoldResponse:
        fields = SchedulingFields()
        hold_id = fields.uuid("hold_id", request.hold_id)
        notes = fields.text("notes", request.notes, NOTES_CHARACTERS_MAX)
        metadata = fields.json("metadata", request.metadata)
        fields.done()
        appointment = await self._holds.confirm_hold(
            caller().org,
            hold_id,
            notes=notes or None,
            metadata=metadata,
            traceparent=current().traceparent,
        )
        return pb.ConfirmHoldResponse(appointment=to_appointment(appointment))

    async def ReleaseHold(
        self, request: pb.ReleaseHoldRequest, context: Any
    ) -> pb.ReleaseHoldResponse:
        hold = await self._holds.release_hold(
            caller().org, parse_uuid(request.hold_id, "hold_id"), traceparent=current().traceparent
        )
        return pb.ReleaseHoldResponse(hold=to_hold(hold))

    async def GetHold(self, request: pb.GetHoldRequest, context: Any) -> pb.GetHoldResponse:
        hold_id = parse_uuid(request.hold_id, "hold_id")
        hold = await self._holds.get_hold(caller().org, hold_id)
        if hold is None:
            raise not_found("hold", hold_id)
        return pb.GetHoldResponse(hold=to_hold(hold))

    async def ListHolds(self, request: pb.ListHoldsRequest, context: Any) -> pb.ListHoldsResponse:
        fields = SchedulingFields()
        status = parse_status(fields, request.status, HOLD_STATUSES)
        fields.done()
        page = parse_page_from(request, parse_time_and_id, "holds", status)
        found = await self._holds.list_holds(
            caller().org, status=status, limit=page.rows_to_read, after=page.start
        )
        holds, next_page_token = page.split(
            found, lambda one: (one[1].isoformat(), str(one[0].hold_id))
        )
        return pb.ListHoldsResponse(
            holds=[to_hold(hold) for hold, _ in holds], next_page_token=next_page_token
        )
