"""`waybill workspace`: destinations that leads are routed to."""

from typing import Annotated, Final

import typer

from services.console.calls import ask, ask_list
from services.console.client import ROUTING, TIMEOUT_SECONDS
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
from waybill.routing.v1.routing_service_pb2 import (
    CreateWorkspaceRequest,
    GetWorkspaceRequest,
    ListWorkspacesRequest,
)

_COLUMNS: Final = ("workspace_id", "name", "offer_policy", "create_time")

workspaces = group("workspace", "Buyers and partners that leads are routed to.")


@command(
    workspaces,
    "create",
    "waybill workspace create 'North GmbH'",
    "waybill workspace create South --offer-policy manual --json",
)
def create(
    name: Annotated[str, typer.Argument(help="A name for people.")],
    offer_policy: Annotated[
        str, typer.Option(help="direct (delivered at once; the default) or manual.")
    ] = "",
    request_id: RequestId = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Create a workspace."""
    request = CreateWorkspaceRequest(
        request_id=or_new(request_id), name=name, offer_policy=offer_policy
    )
    answer = ask(ROUTING, lambda routing: routing.CreateWorkspace, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)


@command(workspaces, "show", "waybill workspace show 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f")
def show_workspace(
    workspace_id: Annotated[str, typer.Argument(help="The workspace: a UUID.")],
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Show one workspace."""
    request = GetWorkspaceRequest(workspace_id=workspace_id)
    answer = ask(ROUTING, lambda routing: routing.GetWorkspace, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)


@command(workspaces, "list", "waybill workspace list", "waybill workspace list --all --json")
def list_workspaces(
    page_size: PageSize = 0,
    page_token: PageToken = "",
    read_all: ReadAll = False,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """List the org's workspaces, oldest first."""
    request = ListWorkspacesRequest(page_size=page_size, page_token=page_token)
    answer = ask_list(
        ROUTING,
        lambda routing: routing.ListWorkspaces,
        request,
        timeout_seconds=timeout,
        read_all=read_all,
    )
    show_list(answer, answer.workspaces, _COLUMNS, as_json=as_json)
