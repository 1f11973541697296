"""Appointments."""

from datetime import datetime
from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.scheduling.records.appointments import (
    Appointment,
    Booked,
    BookingRequest,
    Change,
)
from services.scheduling.store.decoding import decode


class AppointmentStore:
    """Stored functions of appointments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def book_appointment_with_lock(
        self,
        org_id: UUID,
        booking: BookingRequest,
        scheduled_at: datetime,
        *,
        lock_key: str | None,
        request_id: RequestId,
        traceparent: str,
    ) -> Booked:
        """Books; a repeat returns the first appointment."""
        answer = await self._database.value(
            "book_appointment_with_lock",
            p_org_id=org_id,
            p_contact_id=booking.contact_id,
            p_scheduled_at=scheduled_at,
            p_duration_minutes=booking.duration_minutes,
            p_service_id=booking.service_id,
            p_notes=booking.notes,
            p_metadata=booking.metadata,
            p_lock_key=lock_key,
            p_calendar_ids=list(booking.calendar_ids) or None,
            p_request_id=request_id.value,
            p_traceparent=traceparent,
        )
        return Booked(
            appointment=decode(Appointment, answer), lock_rejected=answer["lock_rejected"]
        )

    async def get_appointment(self, org_id: UUID, appointment_id: UUID) -> Appointment | None:
        """One appointment that is not deleted."""
        answer = await self._database.value(
            "get_appointment", p_org_id=org_id, p_appointment_id=appointment_id
        )
        return None if answer is None else decode(Appointment, answer)

    async def list_changes(
        self, org_id: UUID, appointment_id: UUID, *, limit: int, after: int | None
    ) -> list[Change]:
        """A page of an appointment's audit trail, oldest first."""
        rows = await self._database.rows(
            "list_changes",
            p_org_id=org_id,
            p_appointment_id=appointment_id,
            p_limit=limit,
            p_after=after,
        )
        return [Change(**row) for row in rows]

    async def list_appointments(
        self,
        org_id: UUID,
        *,
        calendar_id: UUID | None,
        contact_id: UUID | None,
        status: str | None,
        start: datetime | None,
        end: datetime | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> list[Appointment]:
        """A page of appointments by time."""
        after_at, after_id = after or (None, None)
        rows = await self._database.rows(
            "list_appointments",
            p_org_id=org_id,
            p_calendar_id=calendar_id,
            p_contact_id=contact_id,
            p_status=status,
            p_from=start,
            p_to=end,
            p_limit=limit,
            p_after_at=after_at,
            p_after_id=after_id,
        )
        return [decode(Appointment, row["appointment"]) for row in rows]

    async def reschedule_appointment(
        self,
        org_id: UUID,
        appointment_id: UUID,
        scheduled_at: datetime,
        duration_minutes: int | None,
        *,
        request_id: RequestId,
        traceparent: str,
    ) -> Appointment:
        """Moves an appointment; `duration_minutes` None keeps its duration."""
        answer = await self._database.value(
            "reschedule_appointment",
            p_org_id=org_id,
            p_appointment_id=appointment_id,
            p_scheduled_at=scheduled_at,
            p_duration_minutes=duration_minutes,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return decode(Appointment, answer)

    async def cancel_appointment(
        self, org_id: UUID, appointment_id: UUID, *, request_id: RequestId, traceparent: str
    ) -> Appointment:
        """Cancels an appointment and offers its time to the waitlist."""
        answer = await self._database.value(
            "cancel_appointment",
            p_org_id=org_id,
            p_appointment_id=appointment_id,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return decode(Appointment, answer)

    async def step_appointment(
        self,
        org_id: UUID,
        appointment_id: UUID,
        to: str,
        *,
        request_id: RequestId,
        traceparent: str,
    ) -> Appointment:
        """Approves ('confirmed'), completes or marks as 'no_show'."""
        answer = await self._database.value(
            "step_appointment",
            p_org_id=org_id,
            p_appointment_id=appointment_id,
            p_to=to,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return decode(Appointment, answer)

    async def delete_appointment(
        self, org_id: UUID, appointment_id: UUID, *, traceparent: str
    ) -> None:
        """Deletes an appointment softly."""
        await self._database.value(
            "delete_appointment",
            p_org_id=org_id,
            p_appointment_id=appointment_id,
            p_traceparent=traceparent,
        )

    async def list_feed_appointments(
        self, org_id: UUID, calendar_id: UUID, start: datetime, limit: int
    ) -> list[tuple[Appointment, str]]:
        """A calendar's appointments by time with the names of their services.

        Within the limit future ones come first, the next before later ones, then past ones.
        """
        rows = await self._database.rows(
            "list_feed_appointments",
            p_org_id=org_id,
            p_calendar_id=calendar_id,
            p_from=start,
            p_limit=limit,
        )
        return [
            (decode(Appointment, row["appointment"]), row["service_name"] or "") for row in rows
        ]

    async def emit_reminders(
        self, *, limit: int, every_seconds: float, traceparent: str
    ) -> int | None:
        """Puts due reminders into the outbox; None where another process ran this tick."""
        emitted: int | None = await self._database.value(
            "emit_reminders",
            p_limit=limit,
            p_every_seconds=every_seconds,
            p_traceparent=traceparent,
        )
        return emitted
