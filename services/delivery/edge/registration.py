"""DeliveryService, put together from its handlers."""

from dataclasses import dataclass

from services.chassis.loops import Wake
from services.chassis.outbound.policy import OutboundPolicy
from services.chassis.rpc.server import Registration
from services.delivery.edge.credits import CreditHandlers
from services.delivery.edge.deliveries import DeliveryHandlers
from services.delivery.edge.endpoints import EndpointHandlers
from services.delivery.edge.offers import OfferHandlers
from services.delivery.edge.workspaces import Workspaces
from services.delivery.endpoint_secrets import EndpointSecrets
from services.delivery.manual_completions import ManualCompletions
from services.delivery.store.credits import CreditStore
from services.delivery.store.deliveries import DeliveryStore
from services.delivery.store.endpoints import EndpointStore
from services.delivery.store.offers import OfferStore
from waybill.delivery.v1 import delivery_service_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What the handlers stand on; `wake` is set when there may be something to send."""

    offers: OfferStore
    credits: CreditStore
    endpoints: EndpointStore
    deliveries: DeliveryStore
    completions: ManualCompletions
    workspaces: Workspaces
    webhook_policy: OutboundPolicy
    secrets: EndpointSecrets
    wake: Wake


def registration(dependencies: Dependencies) -> Registration:
    """DeliveryService for `serving`."""
    return Registration(
        descriptor=pb.DESCRIPTOR.services_by_name["DeliveryService"],
        handlers=(
            OfferHandlers(dependencies.offers, wake=dependencies.wake),
            EndpointHandlers(
                dependencies.endpoints,
                workspaces=dependencies.workspaces,
                webhook_policy=dependencies.webhook_policy,
                secrets=dependencies.secrets,
                wake=dependencies.wake,
            ),
            CreditHandlers(
                dependencies.credits, workspaces=dependencies.workspaces, wake=dependencies.wake
            ),
            DeliveryHandlers(
                dependencies.deliveries,
                completions=dependencies.completions,
                wake=dependencies.wake,
            ),
        ),
    )
