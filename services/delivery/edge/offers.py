"""RPCs about offers."""

from typing import Any

from services.chassis.errors import DomainError, not_found
from services.chassis.fields import parse_uuid
from services.chassis.ids import new_id
from services.chassis.loops import Wake
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.delivery.edge.answers import to_offer, to_offer_event
from services.delivery.edge.parsing import parse_offers, parse_optional_uuid, parse_step
from services.delivery.records import AcceptedOffer, NewOffer
from services.delivery.store.offers import OfferStore
from waybill.delivery.v1 import delivery_service_pb2 as pb


class OfferHandlers:
    """Accepts offers from routing; reads them and moves them on."""

    def __init__(self, store: OfferStore, *, wake: Wake) -> None:
        self._store = store
        self._wake = wake

    async def OfferLeads(
        self, request: pb.OfferLeadsRequest, context: Any
    ) -> pb.OfferLeadsResponse:
        parsed = parse_offers(request)
        accepted: dict[tuple[str, str], AcceptedOffer] = {}
        if offers := [offer for _, offer in parsed if isinstance(offer, NewOffer)]:
            for one in await self._store.offer_leads(offers):
                accepted[str(one.lead_id), str(one.workspace_id)] = one
            self._wake.set()
        return pb.OfferLeadsResponse(
            results=[_to_result(item, offer, accepted) for item, offer in parsed]
        )

    async def GetOffer(self, request: pb.GetOfferRequest, context: Any) -> pb.GetOfferResponse:
        reader, offer_id = caller(), parse_uuid(request.offer_id, "offer_id")
        offer = await self._store.get_offer(reader.org, reader.workspace_id, offer_id)
        if offer is None:
            raise not_found("offer", offer_id)
        events = await self._store.list_offer_events(reader.org, reader.workspace_id, offer_id)
        return pb.GetOfferResponse(
            offer=to_offer(offer), events=[to_offer_event(event) for event in events]
        )

    async def ListOffers(
        self, request: pb.ListOffersRequest, context: Any
    ) -> pb.ListOffersResponse:
        reader = caller()
        of_workspace_id = parse_optional_uuid(request.workspace_id, "workspace_id")
        lead_id = parse_optional_uuid(request.lead_id, "lead_id")
        page = parse_page(request, "offers", of_workspace_id, lead_id)
        found = await self._store.list_offers(
            reader.org,
            reader.workspace_id,
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
        offer = await self._store.advance_offer(
            caller().org,
            offer_id,
            to_status,
            delivery_id=new_id(),
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        self._wake.set()
        return pb.AdvanceOfferResponse(offer=to_offer(offer))


def _to_result(
    item: pb.LeadOffer,
    offer: NewOffer | DomainError,
    accepted: dict[tuple[str, str], AcceptedOffer],
) -> pb.OfferLeadResult:
    result = pb.OfferLeadResult(lead_id=item.lead_id, workspace_id=item.workspace_id)
    if isinstance(offer, DomainError):
        result.outcome, result.reason = "refused", offer.reason
    else:
        result.outcome = "accepted"
        result.offer_id = str(accepted[str(offer.lead_id), str(offer.workspace_id)].offer_id)
    return result
