"""`waybill delivery`: sending offers to workspaces' endpoints."""

from typing import Annotated, Final

import typer

from services.console.calls import ask, ask_list
from services.console.client import DELIVERY, TIMEOUT_SECONDS
from services.console.command_groups import command, group
from services.console.options import AsJson, PageSize, PageToken, ReadAll, Timeout
from services.console.output import show, show_list
from services.console.settings import Credential
from waybill.delivery.v1.delivery_service_pb2 import (
    CompleteDeliveryRequest,
    GetDeliveryRequest,
    ListDeliveriesRequest,
    RedeliverDeliveryRequest,
)

_COLUMNS: Final = (
    "delivery_id", "workspace_id", "lead_id", "status", "waiting_for", "attempts", "last_error",
    "next_attempt_time", "create_time",
)  # fmt: skip

DeliveryId = Annotated[str, typer.Argument(help="The delivery: a UUID.")]

deliveries = group("delivery", "Bringing offers to workspaces' endpoints.")


@command(deliveries, "show", "waybill delivery show 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f")
def show_delivery(
    delivery_id: DeliveryId,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Show one delivery and every attempt."""
    request = GetDeliveryRequest(delivery_id=delivery_id)
    answer = ask(DELIVERY, lambda delivery: delivery.GetDelivery, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)


@command(
    deliveries,
    "list",
    "waybill delivery list --status DEAD_LETTER",
    "waybill delivery list --workspace 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f --all --json",
)
def list_deliveries(
    workspace_id: Annotated[
        str, typer.Option("--workspace", help="Only those of this workspace.")
    ] = "",
    status: Annotated[
        str,
        typer.Option(help="Only PENDING, IN_PROGRESS, DELIVERED, PARTIAL, FAILED or DEAD_LETTER."),
    ] = "",
    page_size: PageSize = 0,
    page_token: PageToken = "",
    read_all: ReadAll = False,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first."""
    request = ListDeliveriesRequest(
        workspace_id=workspace_id, status=status, page_size=page_size, page_token=page_token
    )
    answer = ask_list(
        DELIVERY,
        lambda delivery: delivery.ListDeliveries,
        request,
        timeout_seconds=timeout,
        read_all=read_all,
    )
    show_list(answer, answer.deliveries, _COLUMNS, as_json=as_json)


@command(deliveries, "redeliver", "waybill delivery redeliver 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f")
def redeliver(
    delivery_id: DeliveryId,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Put a failed or dead-lettered delivery back to work under the same webhook id."""
    request = RedeliverDeliveryRequest(delivery_id=delivery_id)
    answer = ask(
        DELIVERY, lambda delivery: delivery.RedeliverDelivery, request, timeout_seconds=timeout
    )
    show(answer, as_json=as_json)


@command(
    deliveries,
    "complete",
    "waybill delivery complete 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f"
    " --org 01931f6e-0000-7c11-9e4e-0f6a1c2d3e4f",
)
def complete(
    delivery_id: DeliveryId,
    org_id: Annotated[
        str, typer.Option("--org", envvar="WAYBILL_ORG_ID", help="The org that it belongs to.")
    ],
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Complete a delivery that a buyer confirmed by other means; consumes its credit (operator)."""
    request = CompleteDeliveryRequest(delivery_id=delivery_id, org_id=org_id)
    answer = ask(
        DELIVERY,
        lambda delivery: delivery.CompleteDelivery,
        request,
        timeout_seconds=timeout,
        credential=Credential.OPERATOR,
    )
    show(answer, as_json=as_json)
