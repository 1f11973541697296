"""SchedulingService, put together from the handlers of its resources."""

from dataclasses import dataclass

from services.chassis.loops import Wake
from services.chassis.outbound.policy import OutboundPolicy
from services.chassis.rpc.server import Registration
from services.chassis.sealing import SealedColumn
from services.scheduling.edge.appointments import AppointmentHandlers
from services.scheduling.edge.availability import AvailabilityHandlers
from services.scheduling.edge.booking_times import BookingTimes
from services.scheduling.edge.calendars import CalendarHandlers
from services.scheduling.edge.holds import HoldHandlers
from services.scheduling.edge.imports import ImportHandlers
from services.scheduling.edge.series import SeriesHandlers
from services.scheduling.edge.services import ServiceHandlers
from services.scheduling.edge.waitlist import WaitlistHandlers
from services.scheduling.store.appointments import AppointmentStore
from services.scheduling.store.availability import AvailabilityStore
from services.scheduling.store.calendars import CalendarStore
from services.scheduling.store.holds import HoldStore
from services.scheduling.store.imports import ImportStore
from services.scheduling.store.series import SeriesStore
from services.scheduling.store.services import ServiceStore
from services.scheduling.store.waitlist import WaitlistStore
from waybill.scheduling.v1 import scheduling_service_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What the handlers use; `import_due` is set when there is an import to read."""

    calendars: CalendarStore
    services: ServiceStore
    availability: AvailabilityStore
    appointments: AppointmentStore
    series: SeriesStore
    holds: HoldStore
    waitlist: WaitlistStore
    imports: ImportStore
    import_urls: SealedColumn
    outbound: OutboundPolicy
    import_due: Wake


def registration(dependencies: Dependencies) -> Registration:
    """SchedulingService for `serving`."""
    d = dependencies
    times = BookingTimes(d.calendars, d.services)
    return Registration(
        descriptor=pb.DESCRIPTOR.services_by_name["SchedulingService"],
        handlers=(
            CalendarHandlers(d.calendars, d.import_due),
            ServiceHandlers(d.services),
            AvailabilityHandlers(d.availability),
            AppointmentHandlers(d.appointments, d.services, times),
            SeriesHandlers(d.series, times),
            HoldHandlers(d.holds, times),
            WaitlistHandlers(d.waitlist),
            ImportHandlers(d.imports, d.import_urls, d.outbound, d.import_due),
        ),
    )
