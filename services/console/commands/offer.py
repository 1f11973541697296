"""`waybill offer`: leads as offered to workspaces."""

from typing import Annotated, Final

import typer

from services.console.calls import ask, ask_list
from services.console.client import DELIVERY, TIMEOUT_SECONDS
from services.console.command_groups import command, group
from services.console.options import (
    AsJson,
    PageSize,
    PageToken,
    ReadAll,
    RequestId,
    Timeout,
    or_new,
)
from services.console.output import show, show_list
from waybill.delivery.v1.delivery_service_pb2 import (
    AdvanceOfferRequest,
    GetOfferRequest,
    ListOffersRequest,
)

_COLUMNS: Final = ("offer_id", "lead_id", "workspace_id", "status", "create_time")

OfferId = Annotated[str, typer.Argument(help="The offer: a UUID.")]

offers = group("offer", "Leads as offered to workspaces.")


@command(offers, "show", "waybill offer show 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f")
def show_offer(
    offer_id: OfferId,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Show one offer and its state changes."""
    request = GetOfferRequest(offer_id=offer_id)
    answer = ask(DELIVERY, lambda delivery: delivery.GetOffer, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)


@command(
    offers,
    "list",
    "waybill offer list --lead 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f",
    "waybill offer list --all --json",
)
def list_offers(
    workspace_id: Annotated[
        str, typer.Option("--workspace", help="Only those of this workspace.")
    ] = "",
    lead_id: Annotated[str, typer.Option("--lead", help="Only those of this lead.")] = "",
    page_size: PageSize = 0,
    page_token: PageToken = "",
    read_all: ReadAll = False,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """List offers, newest first."""
    request = ListOffersRequest(
        workspace_id=workspace_id, lead_id=lead_id, page_size=page_size, page_token=page_token
    )
    answer = ask_list(
        DELIVERY,
        lambda delivery: delivery.ListOffers,
        request,
        timeout_seconds=timeout,
        read_all=read_all,
    )
    show_list(answer, answer.offers, _COLUMNS, as_json=as_json)


@command(offers, "advance", "waybill offer advance 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f CONTACTED")
def advance(
    offer_id: OfferId,
    to_status: Annotated[str, typer.Argument(help="The state to move to.")],
    request_id: RequestId = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Move an offer to its next state; one that reaches LEAD_READY is delivered."""
    request = AdvanceOfferRequest(
        offer_id=offer_id, to_status=to_status, request_id=or_new(request_id)
    )
    answer = ask(DELIVERY, lambda delivery: delivery.AdvanceOffer, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)
