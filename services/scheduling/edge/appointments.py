"""RPCs about appointments and series."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from services.chassis.errors import DomainError
from services.chassis.fields import parse_uuid
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page_from
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.scheduling.answers import to_appointment, to_change, to_occurrence, to_series
from services.scheduling.edge.availability import slot_start
from services.scheduling.edge.fields import TimeFields
from services.scheduling.edge.parts import Calls, resolved
from services.scheduling.ical import Named, invitation
from services.scheduling.lock_counts import counted_locks
from services.scheduling.parsing import WallTime, parse_duration, parse_what, parse_when
from services.scheduling.records import APPOINTMENT_FILTERS, Appointment, Booking
from services.scheduling.recurrence import RecurrenceRefused, expand
from services.scheduling.refusals import (
    appointment_not_found,
    recurrence_refused,
    series_not_found,
)
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

LOCK_KEY_CHARACTERS_MAX = 200


class AppointmentCalls(Calls):
    """What is booked."""

    async def BookAppointment(
        self, request: pb.BookAppointmentRequest, context: Any
    ) -> pb.BookAppointmentResponse:
        org_id, fields = caller().org, TimeFields()
        booking, when = parse_what(fields, request, request), parse_when(fields, request)
        lock_key = fields.text("lock_key", request.lock_key, LOCK_KEY_CHARACTERS_MAX)
        fields.done()
        with counted_locks() as counted:
            booked = await self._parts.appointments.book_appointment_with_lock(
                org_id,
                booking,
                await self._instant(org_id, when, booking),
                lock_key=lock_key or None,
                request_id=parse_request_id(request),
                traceparent=current().traceparent,
            )
            counted.lock_rejected = booked.lock_rejected
        return pb.BookAppointmentResponse(
            appointment=to_appointment(booked.appointment), lock_rejected=booked.lock_rejected
        )

    async def GetAppointment(
        self, request: pb.GetAppointmentRequest, context: Any
    ) -> pb.GetAppointmentResponse:
        org_id, appointment = caller().org, await self._appointment(request.appointment_id)
        page = parse_page_from(request, _ordinal, "changes", appointment.appointment_id)
        found = await self._parts.appointments.list_changes(
            org_id, appointment.appointment_id, limit=page.rows_to_read, after=page.start
        )
        changes, next_page_token = page.split(found, lambda one: (str(one.ordinal),))
        return pb.GetAppointmentResponse(
            appointment=to_appointment(appointment),
            changes=[to_change(one) for one in changes],
            next_page_token=next_page_token,
        )

    async def ListAppointments(
        self, request: pb.ListAppointmentsRequest, context: Any
    ) -> pb.ListAppointmentsResponse:
        fields = TimeFields()
        calendar_id = fields.optional_uuid("calendar_id", request.calendar_id)
        contact_id = fields.optional_uuid("contact_id", request.contact_id)
        status = (
            fields.one_of("status", request.status, APPOINTMENT_FILTERS) if request.status else None
        )
        start = fields.optional_instant("from_time", request.from_time)
        end = fields.optional_instant("to_time", request.to_time)
        fields.done()
        scope = (calendar_id, contact_id, status, start, end)
        page = parse_page_from(request, slot_start, "appointments", *scope)
        found = await self._parts.appointments.list_appointments(
            caller().org,
            calendar_id=calendar_id,
            contact_id=contact_id,
            status=status,
            start=start,
            end=end,
            limit=page.rows_to_read,
            after=page.start,
        )
        appointments, next_page_token = page.split(
            found, lambda one: (one.scheduled_at.isoformat(), str(one.appointment_id))
        )
        return pb.ListAppointmentsResponse(
            appointments=[to_appointment(one) for one in appointments],
            next_page_token=next_page_token,
        )

    async def RescheduleAppointment(
        self, request: pb.RescheduleAppointmentRequest, context: Any
    ) -> pb.RescheduleAppointmentResponse:
        org_id, fields = caller().org, TimeFields()
        appointment_id = fields.uuid("appointment_id", request.appointment_id)
        when = parse_when(fields, request)
        minutes = request.duration_minutes
        duration = parse_duration(fields, minutes) if minutes else None
        fields.done()
        if isinstance(when, WallTime):
            before = await self._appointment(request.appointment_id)
            when = resolved(when, before.zone)
        appointment = await self._parts.appointments.reschedule_appointment(
            org_id,
            appointment_id,
            when,
            duration,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        return pb.RescheduleAppointmentResponse(appointment=to_appointment(appointment))

    async def CancelAppointment(
        self, request: pb.CancelAppointmentRequest, context: Any
    ) -> pb.CancelAppointmentResponse:
        appointment = await self._parts.appointments.cancel_appointment(
            caller().org,
            parse_uuid(request.appointment_id, "appointment_id"),
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        return pb.CancelAppointmentResponse(appointment=to_appointment(appointment))

    async def ApproveAppointment(
        self, request: pb.ApproveAppointmentRequest, context: Any
    ) -> pb.ApproveAppointmentResponse:
        stepped = await self._step(request, "confirmed")
        return pb.ApproveAppointmentResponse(appointment=to_appointment(stepped))

    async def CompleteAppointment(
        self, request: pb.CompleteAppointmentRequest, context: Any
    ) -> pb.CompleteAppointmentResponse:
        stepped = await self._step(request, "completed")
        return pb.CompleteAppointmentResponse(appointment=to_appointment(stepped))

    async def MarkNoShow(
        self, request: pb.MarkNoShowRequest, context: Any
    ) -> pb.MarkNoShowResponse:
        stepped = await self._step(request, "no_show")
        return pb.MarkNoShowResponse(appointment=to_appointment(stepped))

    async def DeleteAppointment(
        self, request: pb.DeleteAppointmentRequest, context: Any
    ) -> pb.DeleteAppointmentResponse:
        appointment_id = parse_uuid(request.appointment_id, "appointment_id")
        await self._parts.appointments.delete_appointment(
            caller().org, appointment_id, current().traceparent
        )
        return pb.DeleteAppointmentResponse()

    async def GetInvitation(
        self, request: pb.GetInvitationRequest, context: Any
    ) -> pb.GetInvitationResponse:
        fields = TimeFields()
        organizer = _email(fields, "organizer", request.organizer)
        attendee = _email(fields, "attendee", request.attendee)
        fields.done()
        appointment = await self._appointment(request.appointment_id)
        name = ""
        if appointment.service_id is not None:
            service = await self._parts.calendars.get_service(caller().org, appointment.service_id)
            name = service.name if service else ""
        named = Named(appointment=appointment, service_name=name)
        method, body = invitation(named, organizer=organizer, attendee=attendee)
        return pb.GetInvitationResponse(method=method, body=body.decode())

    async def BookSeries(
        self, request: pb.BookSeriesRequest, context: Any
    ) -> pb.BookSeriesResponse:
        org_id, fields = caller().org, TimeFields()
        booking = parse_what(fields, request, request)
        local_start = fields.local_time("local_start", request.local_start)
        fields.done()
        zone = await self._zone(org_id, await self._calendar_ids(org_id, booking))
        try:
            # A rule that seldom happens keeps a processor busy for longer than a loop may be.
            local_times = await asyncio.to_thread(expand, request.rule, local_start, zone)
        except RecurrenceRefused as refused:
            raise recurrence_refused(refused) from None
        return await self._book_series(request, booking, zone, local_times)

    async def _book_series(
        self,
        request: pb.BookSeriesRequest,
        booking: Booking,
        zone: str,
        local_times: list[datetime],
    ) -> pb.BookSeriesResponse:
        instants = {local_time: _instant_of(local_time, zone) for local_time in local_times}
        series = await self._parts.appointments.book_series(
            caller().org,
            booking,
            rule=request.rule,
            local_start=local_times[0],
            zone=zone,
            starts=[each for each in instants.values() if each is not None],
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        outcomes = {each.starts_at: each for each in series.occurrences}
        return pb.BookSeriesResponse(
            series_id=str(series.series_id),
            trace_id=series.trace_id,
            occurrences=[
                to_occurrence(local_time, outcomes.get(moment) if moment else None)
                for local_time, moment in instants.items()
            ],
        )

    async def GetSeries(self, request: pb.GetSeriesRequest, context: Any) -> pb.GetSeriesResponse:
        series_id = parse_uuid(request.series_id, "series_id")
        series = await self._parts.appointments.get_series(caller().org, series_id)
        if series is None:
            raise series_not_found(series_id)
        return pb.GetSeriesResponse(series=to_series(series))

    async def CancelSeries(
        self, request: pb.CancelSeriesRequest, context: Any
    ) -> pb.CancelSeriesResponse:
        count = await self._parts.appointments.cancel_series(
            caller().org, parse_uuid(request.series_id, "series_id"), current().traceparent
        )
        return pb.CancelSeriesResponse(cancelled_count=count)

    async def _appointment(self, text: str) -> Appointment:
        appointment_id: UUID = parse_uuid(text, "appointment_id")
        found = await self._parts.appointments.get_appointment(caller().org, appointment_id)
        if found is None:
            raise appointment_not_found(appointment_id)
        return found

    async def _step(
        self,
        request: pb.ApproveAppointmentRequest
        | pb.CompleteAppointmentRequest
        | pb.MarkNoShowRequest,
        to: str,
    ) -> Appointment:
        return await self._parts.appointments.step_appointment(
            caller().org,
            parse_uuid(request.appointment_id, "appointment_id"),
            to,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )


def _ordinal(keys: tuple[str, ...]) -> int:
    """Where the page before ended: a change's number."""
    (ordinal,) = keys
    return int(ordinal)


def _instant_of(local_time: datetime, zone: str) -> datetime | None:
    """The first instant of a wall time, as RFC 5545 has it; None where clocks skip it."""
    try:
        return resolved(WallTime(local_time=local_time, fold=0), zone)
    except DomainError:
        return None


def _email(fields: TimeFields, field: str, text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        fields.refuse(field, "is no e-mail address")
        return ""
