"""RPCs about services, which are what is booked."""

from collections.abc import Iterable
from typing import Any, Final

from services.chassis.errors import not_found
from services.chassis.fields import parse_uuid
from services.chassis.ids import new_id
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.scheduling.edge.answers import to_service
from services.scheduling.edge.fields import SchedulingFields
from services.scheduling.edge.parsing import CALENDARS_MAX, MINUTES_MAX, parse_etag
from services.scheduling.store.services import ServiceStore
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

PRICE_CREDITS_MAX: Final = 1_000_000


class ServiceHandlers:
    """Handlers of services."""

    def __init__(self, services: ServiceStore) -> None:
        self._services = services

    async def CreateService(
        self, request: pb.CreateServiceRequest, context: Any
    ) -> pb.CreateServiceResponse:
        fields = SchedulingFields()
        name = fields.name("name", request.name)
        durations = _durations(fields, request.durations_minutes)
        calendar_ids = fields.uuids("calendar_ids", request.calendar_ids, CALENDARS_MAX)
        price = _price(fields, request)
        fields.done()
        service = await self._services.create_service(
            caller().org,
            new_id(),
            name=name,
            durations_minutes=durations,
            calendar_ids=calendar_ids,
            price_credits=price,
            needs_approval=request.needs_approval,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        return pb.CreateServiceResponse(service=to_service(service))

    async def ListServices(
        self, request: pb.ListServicesRequest, context: Any
    ) -> pb.ListServicesResponse:
        page = parse_page(request, "services")
        found = await self._services.list_services(
            caller().org, limit=page.rows_to_read, after=page.start
        )
        services, next_page_token = page.split(found, lambda one: (str(one.service_id),))
        return pb.ListServicesResponse(
            services=[to_service(one) for one in services], next_page_token=next_page_token
        )

    async def GetService(
        self, request: pb.GetServiceRequest, context: Any
    ) -> pb.GetServiceResponse:
        service_id = parse_uuid(request.service_id, "service_id")
        service = await self._services.get_service(caller().org, service_id)
        if service is None:
            raise not_found("service", service_id)
        return pb.GetServiceResponse(service=to_service(service))

    async def UpdateService(
        self, request: pb.UpdateServiceRequest, context: Any
    ) -> pb.UpdateServiceResponse:
        fields = SchedulingFields()
        service_id = fields.uuid("service_id", request.service_id)
        version = parse_etag(fields, request.etag)
        settings: dict[str, Any] = {}
        if request.HasField("name"):
            settings["name"] = fields.name("name", request.name)
        if request.durations_minutes:
            settings["durations_minutes"] = _durations(fields, request.durations_minutes)
        if request.calendar_ids:
            settings["calendar_ids"] = fields.uuids(
                "calendar_ids", request.calendar_ids, CALENDARS_MAX
            )
        if request.HasField("price_credits"):
            settings["price_credits"] = _price(fields, request)
        if request.HasField("needs_approval"):
            settings["needs_approval"] = request.needs_approval
        fields.done()
        service = await self._services.update_service(
            caller().org,
            service_id,
            version=version,
            settings=settings,
            traceparent=current().traceparent,
        )
        return pb.UpdateServiceResponse(service=to_service(service))

    async def ArchiveService(
        self, request: pb.ArchiveServiceRequest, context: Any
    ) -> pb.ArchiveServiceResponse:
        service = await self._services.archive_service(
            caller().org,
            parse_uuid(request.service_id, "service_id"),
            traceparent=current().traceparent,
        )
        return pb.ArchiveServiceResponse(service=to_service(service))


def _durations(fields: SchedulingFields, minutes: Iterable[int]) -> list[int]:
    return sorted({fields.number("durations_minutes", each, 1, MINUTES_MAX) for each in minutes})


def _price(
    fields: SchedulingFields, request: pb.CreateServiceRequest | pb.UpdateServiceRequest
) -> int | None:
    if not request.HasField("price_credits"):
        return None
    return fields.number("price_credits", request.price_credits, 0, PRICE_CREDITS_MAX)
