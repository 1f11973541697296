"""RPCs about the waitlist."""

from typing import Any

from services.chassis.fields import parse_uuid
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page_from
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.scheduling.edge.answers import to_waitlist_entry
from services.scheduling.edge.fields import SchedulingFields
from services.scheduling.edge.parsing import parse_booking, parse_status, parse_time_and_id
from services.scheduling.records.appointments import WAITLIST_STATUSES
from services.scheduling.store.waitlist import WaitlistStore
from waybill.scheduling.v1 import scheduling_service_pb2 as pb


class WaitlistHandlers:
    """Handlers of the waitlist."""

    def __init__(self, waitlist: WaitlistStore) -> None:
        self._waitlist = waitlist

    async def JoinWaitlist(
        self, request: pb.JoinWaitlistRequest, context: Any
    ) -> pb.JoinWaitlistResponse:
        fields = SchedulingFields()
        booking = parse_booking(fields, request)
        earliest = fields.timestamp("earliest", request.earliest)
        latest = fields.timestamp("latest", request.latest)
        if earliest >= latest:
            fields.refuse("latest", "must be after earliest")
        fields.done()
        entry = await self._waitlist.join_waitlist(
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
        entry = await self._waitlist.leave_waitlist(
            caller().org,
            parse_uuid(request.entry_id, "entry_id"),
            traceparent=current().traceparent,
        )
        return pb.LeaveWaitlistResponse(entry=to_waitlist_entry(entry))

    async def ListWaitlist(
        self, request: pb.ListWaitlistRequest, context: Any
    ) -> pb.ListWaitlistResponse:
        fields = SchedulingFields()
        status = parse_status(fields, request.status, WAITLIST_STATUSES)
        fields.done()
        page = parse_page_from(request, parse_time_and_id, "waitlist", status)
        found = await self._waitlist.list_waitlist(
            caller().org, status=status, limit=page.rows_to_read, after=page.start
        )
        entries, next_page_token = page.split(
            found, lambda one: (one.created_at.isoformat(), str(one.entry_id))
        )
        return pb.ListWaitlistResponse(
            entries=[to_waitlist_entry(one) for one in entries], next_page_token=next_page_token
        )
