"""RPCs about series of appointments."""

import asyncio
from datetime import datetime
from typing import Any

from services.chassis.errors import DomainError, not_found
from services.chassis.fields import parse_uuid
from services.chassis.rpc.auth import caller
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.scheduling.edge.answers import to_occurrence, to_series
from services.scheduling.edge.booking_times import BookingTimes, resolve_wall_time
from services.scheduling.edge.fields import SchedulingFields
from services.scheduling.edge.parsing import parse_booking
from services.scheduling.records.appointments import BookingRequest, WallTime
from services.scheduling.recurrence import RecurrenceRefused, expand
from services.scheduling.refusals import recurrence_refused
from services.scheduling.store.series import SeriesStore
from waybill.scheduling.v1 import scheduling_service_pb2 as pb


class SeriesHandlers:
    """Handlers of series."""

    def __init__(self, series: SeriesStore, times: BookingTimes) -> None:
        self._series = series
        self._times = times

    async def BookSeries(
        self, request: pb.BookSeriesRequest, context: Any
    ) -> pb.BookSeriesResponse:
        fields = SchedulingFields()
        booking = parse_booking(fields, request)
        local_start = fields.local_time("local_start", request.local_start)
        fields.done()
        zone = await self._times.zone(caller().org, booking)
        try:
            # Expanding a rule that rarely happens takes longer than the event loop may be blocked.
            local_times = await asyncio.to_thread(expand, request.rule, local_start, zone)
        except RecurrenceRefused as refused:
            raise recurrence_refused(refused) from None
        return await self._book_series(request, booking, zone, local_times)

    async def _book_series(
        self,
        request: pb.BookSeriesRequest,
        booking: BookingRequest,
        zone: str,
        local_times: list[datetime],
    ) -> pb.BookSeriesResponse:
        instants = {local_time: _first_instant(local_time, zone) for local_time in local_times}
        series = await self._series.book_series(
            caller().org,
            booking,
            rule=request.rule,
            local_start=local_times[0],
            zone=zone,
            starts=[each for each in instants.values() if each is not None],
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        occurrences = {each.starts_at: each for each in series.occurrences}
        return pb.BookSeriesResponse(
            series_id=str(series.series_id),
            trace_id=series.trace_id,
            occurrences=[
                to_occurrence(local_time, occurrences.get(instant) if instant else None)
                for local_time, instant in instants.items()
            ],
        )

    async def GetSeries(self, request: pb.GetSeriesRequest, context: Any) -> pb.GetSeriesResponse:
        series_id = parse_uuid(request.series_id, "series_id")
        series = await self._series.get_series(caller().org, series_id)
        if series is None:
            raise not_found("series", series_id)
        return pb.GetSeriesResponse(series=to_series(series))

    async def CancelSeries(
        self, request: pb.CancelSeriesRequest, context: Any
    ) -> pb.CancelSeriesResponse:
        count = await self._series.cancel_series(
            caller().org,
            parse_uuid(request.series_id, "series_id"),
            traceparent=current().traceparent,
        )
        return pb.CancelSeriesResponse(cancelled_count=count)


def _first_instant(local_time: datetime, zone: str) -> datetime | None:
    """The first instant of a wall time, as in RFC 5545; None where clocks skip it."""
    try:
        return resolve_wall_time(WallTime(local_time=local_time, fold=0), zone)
    except DomainError:
        return None
