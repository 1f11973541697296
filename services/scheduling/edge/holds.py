"""RPCs about holds and the waitlist."""

from typing import Any, Final

from services.chassis.fields import parse_uuid
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page_from
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.scheduling.answers import to_appointment, to_hold, to_waitlist_entry
from services.scheduling.edge.availability import slot_start
from services.scheduling.edge.fields import TimeFields
from services.scheduling.edge.parts import Calls
from services.scheduling.parsing import NOTES_CHARACTERS_MAX, parse_what, parse_when
from services.scheduling.records import HOLD_STATUSES, WAITLIST_STATUSES
from services.scheduling.refusals import hold_not_found
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

HOLD_SECONDS: Final = 600
HOLD_SECONDS_MIN: Final = 10
HOLD_SECONDS_MAX: Final = 86_400


class HoldCalls(Calls):
    """What is kept and waited for."""

    async def HoldSlot(self, request: pb.HoldSlotRequest, context: Any) -> pb.HoldSlotResponse:
        org_id, fields = caller().org, TimeFields()
        booking, when = parse_what(fields, request), parse_when(fields, request)
        seconds = fields.number(
            "hold_seconds",
            request.hold_seconds or HOLD_SECONDS,
            HOLD_SECONDS_MIN,
            HOLD_SECONDS_MAX,
        )
        fields.done()
        hold = await self._parts.holds.hold_slot(
            org_id,
            booking,
            await self._instant(org_id, when, booking),
            seconds,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        return pb.HoldSlotResponse(hold=to_hold(hold))

    async def ConfirmHold(
        self, request: pb.ConfirmHoldRequest, context: Any
    ) -> pb.ConfirmHoldResponse:
        fields = TimeFields()
        hold_id = fields.uuid("hold_id", request.hold_id)
        notes = fields.text("notes", request.notes, NOTES_CHARACTERS_MAX)
        metadata = fields.json("metadata", request.metadata)
        fields.done()
        appointment = await self._parts.holds.confirm_hold(
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
        hold = await self._parts.holds.release_hold(
            caller().org, parse_uuid(request.hold_id, "hold_id"), current().traceparent
        )
        return pb.ReleaseHoldResponse(hold=to_hold(hold))

    async def GetHold(self, request: pb.GetHoldRequest, context: Any) -> pb.GetHoldResponse:
        hold_id = parse_uuid(request.hold_id, "hold_id")
        hold = await self._parts.holds.get_hold(caller().org, hold_id)
        if hold is None:
            raise hold_not_found(hold_id)
        return pb.GetHoldResponse(hold=to_hold(hold))

    async def ListHolds(self, request: pb.ListHoldsRequest, context: Any) -> pb.ListHoldsResponse:
        fields = TimeFields()
        status = fields.one_of("status", request.status, HOLD_STATUSES) if request.status else None
        fields.done()
        page = parse_page_from(request, slot_start, "holds", status)
        found = await self._parts.holds.list_holds(
            caller().org, status=status, limit=page.rows_to_read, after=page.start
        )
        holds, next_page_token = page.split(
            found, lambda one: (one[1].isoformat(), str(one[0].hold_id))
        )
        return pb.ListHoldsResponse(
            holds=[to_hold(hold) for hold, _ in holds], next_page_token=next_page_token
        )

    async def JoinWaitlist(
        self, request: pb.JoinWaitlistRequest, context: Any
    ) -> pb.JoinWaitlistResponse:
        fields = TimeFields()
        booking = parse_what(fields, request)
        earliest = fields.moment("earliest", request.earliest)
        latest = fields.moment("latest", request.latest)
        if earliest >= latest:
            fields.refuse("latest", "is not after earliest")
        fields.done()
        entry = await self._parts.holds.join_waitlist(
            caller().org,
            booking,
            earliest=earliest,
            latest=latest,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        return pb.JoinWaitlistResponse(entry=to_waitlist_entry(entry))

    async def LeaveWaitlist(
        self, request: pb.LeaveWaitlistRequest, context: Any
    ) -> pb.LeaveWaitlistResponse:
        entry = await self._parts.holds.leave_waitlist(
            caller().org, parse_uuid(request.entry_id, "entry_id"), current().traceparent
        )
        return pb.LeaveWaitlistResponse(entry=to_waitlist_entry(entry))

    async def ListWaitlist(
        self, request: pb.ListWaitlistRequest, context: Any
    ) -> pb.ListWaitlistResponse:
        fields = TimeFields()
        status = (
            fields.one_of("status", request.status, WAITLIST_STATUSES) if request.status else None
        )
        fields.done()
        page = parse_page_from(request, slot_start, "waitlist", status)
        found = await self._parts.holds.list_waitlist(
            caller().org, status=status, limit=page.rows_to_read, after=page.start
        )
        entries, next_page_token = page.split(
            found, lambda one: (one.created_at.isoformat(), str(one.entry_id))
        )
        return pb.ListWaitlistResponse(
            entries=[to_waitlist_entry(one) for one in entries], next_page_token=next_page_token
        )
