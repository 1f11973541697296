"""Refusals of scheduling's own, made where they are met."""

from uuid import UUID

from services.chassis.errors import DomainError
from services.chassis.outbound.client import UrlRefused
from services.scheduling.recurrence import RecurrenceRefused
from services.scheduling.wall_times import GAP, WallTimeRefused


def calendar_not_found(calendar_id: UUID) -> DomainError:
    """The caller's org has no such calendar."""
    return DomainError(
        "CALENDAR_NOT_FOUND",
        "There is no such calendar in this org.",
        metadata={"calendar_id": str(calendar_id)},
    )


def service_not_found(service_id: UUID) -> DomainError:
    """The caller's org has no such service."""
    return DomainError(
        "SERVICE_NOT_FOUND",
        "There is no such service in this org.",
        metadata={"service_id": str(service_id)},
    )


def appointment_not_found(appointment_id: UUID) -> DomainError:
    """The caller's org has no such appointment."""
    return DomainError(
        "APPOINTMENT_NOT_FOUND",
        "There is no such appointment in this org.",
        metadata={"appointment_id": str(appointment_id)},
    )


def hold_not_found(hold_id: UUID) -> DomainError:
    """The caller's org has no such hold."""
    return DomainError(
        "HOLD_NOT_FOUND",
        "There is no such hold in this org.",
        metadata={"hold_id": str(hold_id)},
    )


def series_not_found(series_id: UUID) -> DomainError:
    """The caller's org has no such series."""
    return DomainError(
        "SERIES_NOT_FOUND",
        "There is no such series in this org.",
        metadata={"series_id": str(series_id)},
    )


def wall_time_refused(refused: WallTimeRefused, zone: str) -> DomainError:
    """The wall time is no instant."""
    text = (
        "Clocks in the calendar's zone skip this time. Choose another one."
        if refused.cause == GAP
        else "Clocks in the calendar's zone show this time twice. Send fold: 0 the first, 1 the"
        " second."
    )
    return DomainError("WALL_TIME_REFUSED", text, metadata={"zone": zone, "cause": refused.cause})


def recurrence_refused(refused: RecurrenceRefused) -> DomainError:
    """The rule is none that can be booked."""
    return DomainError(
        "RECURRENCE_REFUSED",
        f"The recurrence cannot be booked: {refused}.",
        metadata={"problem": str(refused)},
    )


def url_refused(refused: UrlRefused) -> DomainError:
    """The URL is one that is never called."""
    return DomainError("URL_REFUSED", str(refused), metadata={"cause": str(refused.reason)})
