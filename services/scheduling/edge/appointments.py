"""RPCs about appointments."""

from typing import Any, Final
from uuid import UUID

from services.chassis.errors import not_found
from services.chassis.fields import parse_uuid
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page_from
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.scheduling.booking_metrics import counted_booking
from services.scheduling.edge.answers import to_appointment, to_change
from services.scheduling.edge.booking_times import BookingTimes, resolve_wall_time
from services.scheduling.edge.fields import SchedulingFields
from services.scheduling.edge.parsing import (
    parse_booking,
    parse_duration,
    parse_status,
    parse_time,
    parse_time_and_id,
)
from services.scheduling.ical import NamedAppointment, invitation
from services.scheduling.records.appointments import APPOINTMENT_FILTERS, Appointment, WallTime
from services.scheduling.store.appointments import AppointmentStore
from services.scheduling.store.services import ServiceStore
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

LOCK_KEY_CHARACTERS_MAX: Final = 200


class AppointmentHandlers:
    """Handlers of appointments."""

    def __init__(
        self, appointments: AppointmentStore, services: ServiceStore, times: BookingTimes
    ) -> None:
        self._appointments = appointments
        self._services = services
        self._times = times

    async def BookAppointment(
        self, request: pb.BookAppointmentRequest, context: Any
    ) -> pb.BookAppointmentResponse:
        org_id, fields = caller().org, SchedulingFields()
        booking, time = parse_booking(fields, request), parse_time(fields, request)
        lock_key = fields.text("lock_key", request.lock_key, LOCK_KEY_CHARACTERS_MAX)
        fields.done()
        with counted_booking() as count:
            booked = await self._appointments.book_appointment_with_lock(
                org_id,
                booking,
                await self._times.instant(org_id, booking, time),
                lock_key=lock_key or None,
                request_id=parse_request_id(request),
                traceparent=current().traceparent,
            )
            count.lock_rejected = booked.lock_rejected
        return pb.BookAppointmentResponse(
            appointment=to_appointment(booked.appointment), lock_rejected=booked.lock_rejected
        )

    async def GetAppointment(
        self, request: pb.GetAppointmentRequest, context: Any
    ) -> pb.GetAppointmentResponse:
        appointment = await self._appointment(request.appointment_id)
        page = parse_page_from(request, _parse_ordinal, "changes", appointment.appointment_id)
        found = await self._appointments.list_changes(
            caller().org, appointment.appointment_id, limit=page.rows_to_read, after=page.start
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
        fields = SchedulingFields()
        calendar_id = fields.optional_uuid("calendar_id", request.calendar_id)
        contact_id = fields.optional_uuid("contact_id", request.contact_id)
        status = parse_status(fields, request.status, APPOINTMENT_FILTERS)
        start = fields.optional_instant("from_time", request.from_time)
        end = fields.optional_instant("to_time", request.to_time)
        fields.done()
        scope = (calendar_id, contact_id, status, start, end)
        page = parse_page_from(request, parse_time_and_id, "appointments", *scope)
        found = await self._appointments.list_appointments(
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
        fields = SchedulingFields()
        appointment_id = fields.uuid("appointment_id", request.appointment_id)
        time = parse_time(fields, request)
        minutes = request.duration_minutes
        duration_minutes = parse_duration(fields, minutes) if minutes else None
        fields.done()
        if isinstance(time, WallTime):
            before = await self._appointment(request.appointment_id)
            time = resolve_wall_time(time, before.zone)
        appointment = await self._appointments.reschedule_appointment(
            caller().org,
            appointment_id,
            time,
            duration_minutes,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        return pb.RescheduleAppointmentResponse(appointment=to_appointment(appointment))

    async def CancelAppointment(
        self, request: pb.CancelAppointmentRequest, context: Any
    ) -> pb.CancelAppointmentResponse:
        appointment = await self._appointments.cancel_appointment(
            caller().org,
            parse_uuid(request.appointment_id, "appointment_id"),
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        return pb.CancelAppointmentResponse(appointment=to_appointment(appointment))

    async def ApproveAppointment(
        self, request: pb.ApproveAppointmentRequest, context: Any
    ) -> pb.ApproveAppointmentResponse:
        appointment = await self._step_appointment(request, "confirmed")
        return pb.ApproveAppointmentResponse(appointment=to_appointment(appointment))

    async def CompleteAppointment(
        self, request: pb.CompleteAppointmentRequest, context: Any
    ) -> pb.CompleteAppointmentResponse:
        appointment = await self._step_appointment(request, "completed")
        return pb.CompleteAppointmentResponse(appointment=to_appointment(appointment))

    async def MarkNoShow(
        self, request: pb.MarkNoShowRequest, context: Any
    ) -> pb.MarkNoShowResponse:
        appointment = await self._step_appointment(request, "no_show")
        return pb.MarkNoShowResponse(appointment=to_appointment(appointment))

    async def DeleteAppointment(
        self, request: pb.DeleteAppointmentRequest, context: Any
    ) -> pb.DeleteAppointmentResponse:
        await self._appointments.delete_appointment(
            caller().org,
            parse_uuid(request.appointment_id, "appointment_id"),
            traceparent=current().traceparent,
        )
        return pb.DeleteAppointmentResponse()

    async def GetInvitation(
        self, request: pb.GetInvitationRequest, context: Any
    ) -> pb.GetInvitationResponse:
        fields = SchedulingFields()
        organizer = fields.email("organizer", request.organizer)
        attendee = fields.email("attendee", request.attendee)
        fields.done()
        appointment = await self._appointment(request.appointment_id)
        named = NamedAppointment(
            appointment=appointment, service_name=await self._service_name(appointment.service_id)
        )
        method, body = invitation(named, organizer=organizer, attendee=attendee)
        return pb.GetInvitationResponse(method=method, body=body.decode())

    async def _appointment(self, text: str) -> Appointment:
        appointment_id = parse_uuid(text, "appointment_id")
        found = await self._appointments.get_appointment(caller().org, appointment_id)
        if found is None:
            raise not_found("appointment", appointment_id)
        return found

    async def _service_name(self, service_id: UUID | None) -> str:
        if service_id is None:
            return ""
        service = await self._services.get_service(caller().org, service_id)
        return service.name if service else ""

    async def _step_appointment(
        self,
        request: pb.ApproveAppointmentRequest
        | pb.CompleteAppointmentRequest
        | pb.MarkNoShowRequest,
        to: str,
    ) -> Appointment:
        return await self._appointments.step_appointment(
            caller().org,
            parse_uuid(request.appointment_id, "appointment_id"),
            to,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )


def _parse_ordinal(keys: tuple[str, ...]) -> int:
    """Where the page before ended: the number of a change."""
    (ordinal,) = keys
    return int(ordinal)
