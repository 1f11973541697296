"""The gRPC edge, put together from its subjects."""

from services.chassis.rpc.server import Served
from services.scheduling.edge.appointments import AppointmentCalls
from services.scheduling.edge.availability import AvailabilityCalls
from services.scheduling.edge.calendars import CalendarCalls
from services.scheduling.edge.holds import HoldCalls
from services.scheduling.edge.imports import ImportCalls
from services.scheduling.edge.services import ServiceCalls
from waybill.scheduling.v1 import scheduling_service_pb2 as pb
from waybill.scheduling.v1 import scheduling_service_pb2_grpc


class SchedulingService(
    CalendarCalls,
    AvailabilityCalls,
    AppointmentCalls,
    HoldCalls,
    ServiceCalls,
    ImportCalls,
    scheduling_service_pb2_grpc.SchedulingServiceServicer,
):
    """SchedulingService over its stores."""


def scheduling_served(service: SchedulingService) -> Served:
    """SchedulingService for `serving`."""
    return Served(
        descriptor=pb.DESCRIPTOR.services_by_name["SchedulingService"],
        add=scheduling_service_pb2_grpc.add_SchedulingServiceServicer_to_server,
        servicer=service,
    )
