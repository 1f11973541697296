"""`waybill lead`: leads, and the state of their routing."""

from typing import Annotated, Final

import typer

from services.console.calls import ask, ask_list
from services.console.client import INGEST, ROUTING, TIMEOUT_SECONDS
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
from waybill.ingest.v1.ingest_service_pb2 import (
    CreateLeadRequest,
    GetLeadRequest,
    ListLeadsRequest,
)
from waybill.routing.v1.routing_service_pb2 import GetRoutingRequest

_COLUMNS: Final = ("lead_id", "type", "full_name", "phone", "email", "create_time", "trace_id")

LeadId = Annotated[str, typer.Argument(help="The lead: a UUID.")]

leads = group("lead", "Leads, and where their routing stands.")


@command(
    leads,
    "create",
    "waybill lead create +4915112345678 --type order --name 'Ada L.' --details '2 windows'",
    "waybill lead create 015112345678 --type inquiry --request-id form-17 --json",
)
def create(
    phone: Annotated[str, typer.Argument(help="The customer's phone.")],
    lead_type: Annotated[
        str,
        typer.Option("--type", help="order, inquiry, quote, appointment, support or other."),
    ],
    name: Annotated[str, typer.Option(help="The customer's name.")] = "",
    details: Annotated[str, typer.Option(help="What the customer wants.")] = "",
    request_id: RequestId = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Create a lead; routing takes it from there."""
    request = CreateLeadRequest(
        request_id=or_new(request_id),
        customer_phone=phone,
        customer_name=name,
        type=lead_type,
        details=details,
    )
    answer = ask(INGEST, lambda ingest: ingest.CreateLead, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)


@command(leads, "show", "waybill lead show 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f")
def show_lead(
    lead_id: LeadId,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Show one lead."""
    request = GetLeadRequest(lead_id=lead_id)
    answer = ask(INGEST, lambda ingest: ingest.GetLead, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)


@command(leads, "list", "waybill lead list --page-size 20", "waybill lead list --all --json")
def list_leads(
    page_size: PageSize = 0,
    page_token: PageToken = "",
    read_all: ReadAll = False,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """List the org's leads, newest first."""
    request = ListLeadsRequest(page_size=page_size, page_token=page_token)
    answer = ask_list(
        INGEST,
        lambda ingest: ingest.ListLeads,
        request,
        timeout_seconds=timeout,
        read_all=read_all,
    )
    show_list(answer, answer.leads, _COLUMNS, as_json=as_json)


@command(leads, "routing", "waybill lead routing 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f")
def routing(
    lead_id: LeadId,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Show the state of a lead's routing and every decision on it."""
    request = GetRoutingRequest(lead_id=lead_id)
    answer = ask(ROUTING, lambda peer: peer.GetRouting, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)
