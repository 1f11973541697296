"""The gRPC edge: parses, calls, answers."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.chassis.errors import DomainError
from services.chassis.fields import parse_uuid
from services.chassis.ids import new_id
from services.chassis.loops import Wake
from services.chassis.outbound.client import OutboundPolicy, UrlRefused, check_url
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.rpc.server import Served
from services.chassis.sealing import KeyRing
from services.chassis.trace import current
from services.chassis.webhook_signatures import SigningSecret
from services.delivery.answers import (
    to_attempt,
    to_balance,
    to_delivery,
    to_endpoint,
    to_entry,
    to_event,
    to_offer,
)
from services.delivery.completion import Completions
from services.delivery.deliveries import STATUSES, CompletionByHand
from services.delivery.offers import NewOffer, TakenOffer
from services.delivery.pages import parse_ledger_page
from services.delivery.parsing import (
    parse_completion,
    parse_delivery_status,
    parse_grant,
    parse_offers,
    parse_optional_uuid,
    parse_rotation,
    parse_step,
)
from services.delivery.refusals import (
    delivery_not_found,
    not_completed,
    offer_not_found,
    url_refused,
    workspace_not_found,
)
from services.delivery.secrets_at_rest import seal_secret, unseal_secret
from services.delivery.sending import SealedSecret
from services.delivery.store.credits import CreditStore
from services.delivery.store.deliveries import DeliveryStore
from services.delivery.store.endpoints import EndpointStore
from services.delivery.store.offers import OfferStore
from services.delivery.workspaces import Workspaces
from waybill.delivery.v1 import delivery_service_pb2 as pb
from waybill.delivery.v1 import delivery_service_pb2_grpc


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the service is made of; `due` is set when there may be something to send."""

    offers: OfferStore
    credits: CreditStore
    endpoints: EndpointStore
    deliveries: DeliveryStore
    completions: Completions
    workspaces: Workspaces
    outbound: OutboundPolicy
    ring: KeyRing
    due: Wake


def delivery_served(service: "DeliveryService") -> Served:
    """DeliveryService for `serving`."""
    return Served(
        descriptor=pb.DESCRIPTOR.services_by_name["DeliveryService"],
        add=delivery_service_pb2_grpc.add_DeliveryServiceServicer_to_server,
        servicer=service,
    )


class DeliveryService(delivery_service_pb2_grpc.DeliveryServiceServicer):
    """DeliveryService over its stores."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def OfferLeads(
        self, request: pb.OfferLeadsRequest, context: Any
    ) -> pb.OfferLeadsResponse:
        parsed = parse_offers(request)
        taken: dict[tuple[str, str], TakenOffer] = {}
        if offers := [offer for _, offer in parsed if isinstance(offer, NewOffer)]:
            for one in await self._parts.offers.offer_leads(offers):
                taken[str(one.lead_id), str(one.workspace_id)] = one
            self._parts.due.set()
        return pb.OfferLeadsResponse(results=[_result(*item, taken) for item in parsed])

    async def GetOffer(self, request: pb.GetOfferRequest, context: Any) -> pb.GetOfferResponse:
        who, offer_id = caller(), parse_uuid(request.offer_id, "offer_id")
        offer = await self._parts.offers.get_offer(who.org, who.workspace_id, offer_id)
        if offer is None:
            raise offer_not_found(offer_id)
        events = await self._parts.offers.list_offer_events(who.org, who.workspace_id, offer_id)
        return pb.GetOfferResponse(
            offer=to_offer(offer), events=[to_event(event) for event in events]
        )

    async def ListOffers(
        self, request: pb.ListOffersRequest, context: Any
    ) -> pb.ListOffersResponse:
        who = caller()
        of_workspace_id = parse_optional_uuid(request.workspace_id, "workspace_id")
        lead_id = parse_optional_uuid(request.lead_id, "lead_id")
        page = parse_page(request, "offers", of_workspace_id, lead_id)
        found = await self._parts.offers.list_offers(
            who.org,
            who.workspace_id,
            of_workspace_id=of_workspace_id,
            lead_id=lead_id,
            limit=page.rows_to_read,
            before=page.start,
        )
        offers, next_page_token = page.split(found, lambda offer: (str(offer.offer_id),))
        return pb.ListOffersResponse(
            offers=[to_offer(offer) for offer in offers], next_page_token=next_page_token
        )

    async def AdvanceOffer(
        self, request: pb.AdvanceOfferRequest, context: Any
    ) -> pb.AdvanceOfferResponse:
        offer_id, to_status = parse_step(request)
        offer = await self._parts.offers.advance_offer(
            caller().org,
            offer_id,
            to_status,
            delivery_id=new_id(),
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        self._parts.due.set()
        return pb.AdvanceOfferResponse(offer=to_offer(offer))

    async def CreateEndpoint(
        self, request: pb.CreateEndpointRequest, context: Any
    ) -> pb.CreateEndpointResponse:
        org_id, workspace_id = caller().org, parse_uuid(request.workspace_id, "workspace_id")
        try:
            url = check_url(request.url, self._parts.outbound).text
        except UrlRefused as refused:
            raise url_refused(refused) from None
        await self._parts.workspaces.ensure(org_id, workspace_id)
        endpoint, sealed = await self._parts.endpoints.create_endpoint(
            org_id,
            workspace_id,
            endpoint_id=new_id(),
            url=url,
            secret=self._new_secret(org_id),
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        self._parts.due.set()
        secret = unseal_secret(self._parts.ring, sealed, org_id=org_id)
        return pb.CreateEndpointResponse(endpoint=to_endpoint(endpoint), secret=secret.text)

    async def ListEndpoints(
        self, request: pb.ListEndpointsRequest, context: Any
    ) -> pb.ListEndpointsResponse:
        who = caller()
        of_workspace_id = parse_optional_uuid(request.workspace_id, "workspace_id")
        page = parse_page(request, "endpoints", of_workspace_id)
        found = await self._parts.endpoints.list_endpoints(
            who.org,
            who.workspace_id,
            of_workspace_id=of_workspace_id,
            limit=page.rows_to_read,
            after=page.start,
        )
        endpoints, next_page_token = page.split(found, lambda one: (str(one.endpoint_id),))
        return pb.ListEndpointsResponse(
            endpoints=[to_endpoint(one) for one in endpoints], next_page_token=next_page_token
        )

    async def EnableEndpoint(
        self, request: pb.EnableEndpointRequest, context: Any
    ) -> pb.EnableEndpointResponse:
        endpoint = await self._parts.endpoints.enable_endpoint(
            caller().org, parse_uuid(request.endpoint_id, "endpoint_id"), current().traceparent
        )
        self._parts.due.set()
        return pb.EnableEndpointResponse(endpoint=to_endpoint(endpoint))

    async def DisableEndpoint(
        self, request: pb.DisableEndpointRequest, context: Any
    ) -> pb.DisableEndpointResponse:
        endpoint = await self._parts.endpoints.disable_endpoint(
            caller().org, parse_uuid(request.endpoint_id, "endpoint_id"), current().traceparent
        )
        return pb.DisableEndpointResponse(endpoint=to_endpoint(endpoint))

    async def RotateEndpointSecret(
        self, request: pb.RotateEndpointSecretRequest, context: Any
    ) -> pb.RotateEndpointSecretResponse:
        org_id, (endpoint_id, overlap_seconds) = caller().org, parse_rotation(request)
        endpoint, sealed = await self._parts.endpoints.rotate_endpoint_secret(
            org_id,
            endpoint_id,
            secret=self._new_secret(org_id),
            overlap_seconds=overlap_seconds,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        secret = unseal_secret(self._parts.ring, sealed, org_id=org_id)
        return pb.RotateEndpointSecretResponse(endpoint=to_endpoint(endpoint), secret=secret.text)

    def _new_secret(self, org_id: UUID) -> SealedSecret:
        return seal_secret(
            self._parts.ring, SigningSecret.generate(), org_id=org_id, secret_id=new_id()
        )

    async def GrantCredits(
        self, request: pb.GrantCreditsRequest, context: Any
    ) -> pb.GrantCreditsResponse:
        org_id, grant = caller().org, parse_grant(request)
        await self._parts.workspaces.ensure(org_id, grant.workspace_id)
        balance = await self._parts.credits.grant_credits(
            org_id,
            grant.workspace_id,
            credits=grant.credits,
            reason=grant.reason,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        self._parts.due.set()
        return pb.GrantCreditsResponse(balance=to_balance(balance))

    async def GetBalance(
        self, request: pb.GetBalanceRequest, context: Any
    ) -> pb.GetBalanceResponse:
        who, workspace_id = caller(), parse_uuid(request.workspace_id, "workspace_id")
        if who.workspace_id not in (None, workspace_id):
            raise workspace_not_found(workspace_id)
        await self._parts.workspaces.ensure(who.org, workspace_id)
        balance = await self._parts.credits.get_balance(who.org, who.workspace_id, workspace_id)
        if balance is None:
            raise workspace_not_found(workspace_id)
        return pb.GetBalanceResponse(balance=to_balance(balance))

    async def ListLedgerEntries(
        self, request: pb.ListLedgerEntriesRequest, context: Any
    ) -> pb.ListLedgerEntriesResponse:
        who, of_workspace_id = caller(), parse_uuid(request.workspace_id, "workspace_id")
        page = parse_ledger_page(request, "ledger", of_workspace_id)
        found = await self._parts.credits.list_ledger_entries(
            who.org,
            who.workspace_id,
            of_workspace_id=of_workspace_id,
            limit=page.rows_to_read,
            before=page.start,
        )
        entries, next_page_token = page.split(found, lambda one: (str(one.version), one.account))
        return pb.ListLedgerEntriesResponse(
            entries=[to_entry(one) for one in entries], next_page_token=next_page_token
        )

    async def GetDelivery(
        self, request: pb.GetDeliveryRequest, context: Any
    ) -> pb.GetDeliveryResponse:
        who, delivery_id = caller(), parse_uuid(request.delivery_id, "delivery_id")
        delivery = await self._parts.deliveries.get_delivery(who.org, who.workspace_id, delivery_id)
        if delivery is None:
            raise delivery_not_found(delivery_id)
        attempts = await self._parts.deliveries.list_attempts(
            who.org, who.workspace_id, delivery_id
        )
        return pb.GetDeliveryResponse(
            delivery=to_delivery(delivery), attempts=[to_attempt(one) for one in attempts]
        )

    async def ListDeliveries(
        self, request: pb.ListDeliveriesRequest, context: Any
    ) -> pb.ListDeliveriesResponse:
        who = caller()
        of_workspace_id = parse_optional_uuid(request.workspace_id, "workspace_id")
        status = parse_delivery_status(request.status, STATUSES)
        page = parse_page(request, "deliveries", of_workspace_id, status)
        found = await self._parts.deliveries.list_deliveries(
            who.org,
            who.workspace_id,
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
        outcome = await self._parts.completions.complete(
            CompletionByHand(
                org_id=org_id, delivery_id=delivery_id, traceparent=current().traceparent
            )
        )
        delivery = await self._parts.deliveries.get_delivery(org_id, None, delivery_id)
        if delivery is None:
            raise delivery_not_found(delivery_id)
        if outcome not in ("completed", "duplicate"):
            raise not_completed(outcome, delivery)
        return pb.CompleteDeliveryResponse(
            delivery=to_delivery(delivery), duplicate=outcome == "duplicate"
        )

    async def RedeliverDelivery(
        self, request: pb.RedeliverDeliveryRequest, context: Any
    ) -> pb.RedeliverDeliveryResponse:
        org_id, delivery_id = caller().org, parse_uuid(request.delivery_id, "delivery_id")
        await self._parts.deliveries.redeliver_delivery(org_id, delivery_id, current().traceparent)
        self._parts.due.set()
        delivery = await self._parts.deliveries.get_delivery(org_id, None, delivery_id)
        if delivery is None:
            raise delivery_not_found(delivery_id)
        return pb.RedeliverDeliveryResponse(delivery=to_delivery(delivery))


def _result(
    item: pb.LeadOffer,
    offer: NewOffer | DomainError,
    taken: dict[tuple[str, str], TakenOffer],
) -> pb.OfferLeadResult:
    result = pb.OfferLeadResult(lead_id=item.lead_id, workspace_id=item.workspace_id)
    if isinstance(offer, DomainError):
        result.outcome, result.reason = "refused", offer.reason
    else:
        result.outcome = "accepted"
        result.offer_id = str(taken[str(offer.lead_id), str(offer.workspace_id)].offer_id)
    return result
