"""`waybill endpoint`: where workspaces receive their leads."""

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
    CreateEndpointRequest,
    DisableEndpointRequest,
    EnableEndpointRequest,
    ListEndpointsRequest,
    RotateEndpointSecretRequest,
)

_COLUMNS: Final = (
    "endpoint_id", "workspace_id", "url", "status", "disabled_reason", "create_time",
)  # fmt: skip

endpoints = group("endpoint", "Where workspaces receive their leads.")


@command(
    endpoints,
    "create",
    "waybill endpoint create 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f https://buyer.example/leads",
)
def create(
    workspace_id: Annotated[str, typer.Argument(help="The workspace: a UUID.")],
    url: Annotated[str, typer.Argument(help="Where deliveries are posted.")],
    request_id: RequestId = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Create an endpoint and show its signing secret, only once."""
    request = CreateEndpointRequest(
        request_id=or_new(request_id), workspace_id=workspace_id, url=url
    )
    answer = ask(
        DELIVERY, lambda delivery: delivery.CreateEndpoint, request, timeout_seconds=timeout
    )
    show(answer, as_json=as_json)


@command(endpoints, "list", "waybill endpoint list", "waybill endpoint list --all --json")
def list_endpoints(
    workspace_id: Annotated[
        str, typer.Option("--workspace", help="Only those of this workspace.")
    ] = "",
    page_size: PageSize = 0,
    page_token: PageToken = "",
    read_all: ReadAll = False,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """List endpoints, oldest first."""
    request = ListEndpointsRequest(
        workspace_id=workspace_id, page_size=page_size, page_token=page_token
    )
    answer = ask_list(
        DELIVERY,
        lambda delivery: delivery.ListEndpoints,
        request,
        timeout_seconds=timeout,
        read_all=read_all,
    )
    show_list(answer, answer.endpoints, _COLUMNS, as_json=as_json)


@command(endpoints, "enable", "waybill endpoint enable 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f")
def enable(
    endpoint_id: Annotated[str, typer.Argument(help="The endpoint: a UUID.")],
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Enable an endpoint that was disabled, and send what was parked for it."""
    request = EnableEndpointRequest(endpoint_id=endpoint_id)
    answer = ask(
        DELIVERY, lambda delivery: delivery.EnableEndpoint, request, timeout_seconds=timeout
    )
    show(answer, as_json=as_json)


@command(endpoints, "disable", "waybill endpoint disable 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f")
def disable(
    endpoint_id: Annotated[str, typer.Argument(help="The endpoint: a UUID.")],
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Disable an endpoint: nothing new is sent to it until it is enabled."""
    request = DisableEndpointRequest(endpoint_id=endpoint_id)
    answer = ask(
        DELIVERY, lambda delivery: delivery.DisableEndpoint, request, timeout_seconds=timeout
    )
    show(answer, as_json=as_json)


@command(
    endpoints,
    "rotate-secret",
    "waybill endpoint rotate-secret 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f",
    "waybill endpoint rotate-secret 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f --overlap-seconds 0",
)
def rotate_secret(
    endpoint_id: Annotated[str, typer.Argument(help="The endpoint: a UUID.")],
    overlap_seconds: Annotated[
        int,
        typer.Option(
            min=0,
            max=604_800,
            help="Seconds for which the old secret signs too; 0 where it leaked.",
        ),
    ] = 86_400,
    request_id: RequestId = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Give an endpoint a new signing secret and show it, only once."""
    request = RotateEndpointSecretRequest(
        request_id=or_new(request_id), endpoint_id=endpoint_id, overlap_seconds=overlap_seconds
    )
    answer = ask(
        DELIVERY, lambda delivery: delivery.RotateEndpointSecret, request, timeout_seconds=timeout
    )
    show(answer, as_json=as_json)
