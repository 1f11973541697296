"""RPCs about deliveries."""

from typing import Any

from services.chassis.errors import not_found
from services.chassis.fields import parse_uuid
from services.chassis.loops import Wake
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page
from services.chassis.trace import current
from services.delivery.edge.answers import to_attempt, to_delivery
from services.delivery.edge.parsing import (
    parse_completion,
    parse_delivery_status,
    parse_optional_uuid,
)
from services.delivery.manual_completions import ManualCompletions
from services.delivery.records import ManualCompletion
from services.delivery.refusals import not_completed
from services.delivery.store.deliveries import DeliveryStore
from waybill.delivery.v1 import delivery_service_pb2 as pb


class DeliveryHandlers:
    """Reads deliveries, completes them by hand and queues them again."""

    def __init__(self, store: DeliveryStore, *, completions: ManualCompletions, wake: Wake) -> None:
        self._store = store
        self._completions = completions
        self._wake = wake

    async def GetDelivery(
        self, request: pb.GetDeliveryRequest, context: Any
    ) -> pb.GetDeliveryResponse:
        reader, delivery_id = caller(), parse_uuid(request.delivery_id, "delivery_id")
        delivery = await self._store.get_delivery(reader.org, reader.workspace_id, delivery_id)
        if delivery is None:
            raise not_found("delivery", delivery_id)
        attempts = await self._store.list_attempts(reader.org, reader.workspace_id, delivery_id)
        return pb.GetDeliveryResponse(
            delivery=to_delivery(delivery), attempts=[to_attempt(one) for one in attempts]
        )

    async def ListDeliveries(
        self, request: pb.ListDeliveriesRequest, context: Any
    ) -> pb.ListDeliveriesResponse:
        reader = caller()
        of_workspace_id = parse_optional_uuid(request.workspace_id, "workspace_id")
        status = parse_delivery_status(request.status)
        page = parse_page(request, "deliveries", of_workspace_id, status)
        found = await self._store.list_deliveries(
            reader.org,
            reader.workspace_id,
            of_workspace_id=of_workspace_id,
            status=status,
            limit=page.rows_to_read,
            before=page.start,
        )
        deliveries, next_page_token = page.split(found, lambda one: (str(one.delivery_id),))
        return pb.ListDeliveriesResponse(
            deliveries=[to_delivery(one) for one in deliveries], next_page_token=next_page_token
        )

    async def CompleteDelivery(
        self, request: pb.CompleteDeliveryRequest, context: Any
    ) -> pb.CompleteDeliveryResponse:
        org_id, delivery_id = parse_completion(request)
        outcome = await self._completions.complete(
            ManualCompletion(
                org_id=org_id, delivery_id=delivery_id, traceparent=current().traceparent
            )
        )
        delivery = await self._store.get_delivery(org_id, None, delivery_id)
        if delivery is None:
            raise not_found("delivery", delivery_id)
        if outcome not in ("completed", "duplicate"):
            raise not_completed(outcome, delivery)
        return pb.CompleteDeliveryResponse(
            delivery=to_delivery(delivery), duplicate=outcome == "duplicate"
        )

    async def RedeliverDelivery(
        self, request: pb.RedeliverDeliveryRequest, context: Any
    ) -> pb.RedeliverDeliveryResponse:
        org_id, delivery_id = caller().org, parse_uuid(request.delivery_id, "delivery_id")
        await self._store.redeliver_delivery(org_id, delivery_id, traceparent=current().traceparent)
        self._wake.set()
        delivery = await self._store.get_delivery(org_id, None, delivery_id)
        if delivery is None:
            raise not_found("delivery", delivery_id)
        return pb.RedeliverDeliveryResponse(delivery=to_delivery(delivery))
