"""Who may call which RPC; an RPC that is not listed is refused to all."""

from typing import Final

from services.chassis.rpc.auth import Access, AccessTable
from services.chassis.trace_service import TRACE_ACCESS

_SERVICE: Final = "/waybill.scheduling.v1.SchedulingService/"
# Calendars belong to the org: a token narrowed to a workspace may not use them.
_TENANTS: Final = Access(tenants=True)

ACCESS: Final[AccessTable] = {
    **TRACE_ACCESS,
    f"{_SERVICE}CreateCalendar": _TENANTS,
    f"{_SERVICE}ListCalendars": _TENANTS,
    f"{_SERVICE}GetCalendar": _TENANTS,
    f"{_SERVICE}UpdateCalendar": _TENANTS,
    f"{_SERVICE}RotateFeedSecret": _TENANTS,
    f"{_SERVICE}AddException": _TENANTS,
    f"{_SERVICE}RemoveException": _TENANTS,
    f"{_SERVICE}ListExceptions": _TENANTS,
    f"{_SERVICE}SetHolidays": _TENANTS,
    f"{_SERVICE}GetHolidays": _TENANTS,
    f"{_SERVICE}CreateService": _TENANTS,
    f"{_SERVICE}ListServices": _TENANTS,
    f"{_SERVICE}GetService": _TENANTS,
    f"{_SERVICE}UpdateService": _TENANTS,
    f"{_SERVICE}ArchiveService": _TENANTS,
    f"{_SERVICE}SearchAvailability": _TENANTS,
    f"{_SERVICE}ListFreeTimes": _TENANTS,
    f"{_SERVICE}BookAppointment": _TENANTS,
    f"{_SERVICE}GetAppointment": _TENANTS,
    f"{_SERVICE}ListAppointments": _TENANTS,
    f"{_SERVICE}RescheduleAppointment": _TENANTS,
    f"{_SERVICE}CancelAppointment": _TENANTS,
    f"{_SERVICE}ApproveAppointment": _TENANTS,
    f"{_SERVICE}CompleteAppointment": _TENANTS,
    f"{_SERVICE}MarkNoShow": _TENANTS,
    f"{_SERVICE}DeleteAppointment": _TENANTS,
    f"{_SERVICE}GetInvitation": _TENANTS,
    f"{_SERVICE}HoldSlot": _TENANTS,
    f"{_SERVICE}ConfirmHold": _TENANTS,
    f"{_SERVICE}ReleaseHold": _TENANTS,
    f"{_SERVICE}GetHold": _TENANTS,
    f"{_SERVICE}ListHolds": _TENANTS,
    f"{_SERVICE}JoinWaitlist": _TENANTS,
    f"{_SERVICE}LeaveWaitlist": _TENANTS,
    f"{_SERVICE}ListWaitlist": _TENANTS,
    f"{_SERVICE}BookSeries": _TENANTS,
    f"{_SERVICE}GetSeries": _TENANTS,
    f"{_SERVICE}CancelSeries": _TENANTS,
    f"{_SERVICE}CreateImport": _TENANTS,
    f"{_SERVICE}ListImports": _TENANTS,
    f"{_SERVICE}RemoveImport": _TENANTS,
}
