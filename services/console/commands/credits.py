"""`waybill credits`: balances of workspaces, and the ledger."""

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
    GetBalanceRequest,
    GrantCreditsRequest,
    ListLedgerEntriesRequest,
)

_COLUMNS: Final = (
    "create_time", "type", "account", "amount", "balance_after", "reason", "delivery_id",
    "trace_id",
)  # fmt: skip

WorkspaceId = Annotated[str, typer.Argument(help="The workspace: a UUID.")]

credit_commands = group("credits", "What workspaces may still receive, and the ledger.")


@command(
    credit_commands,
    "grant",
    "waybill credits grant 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f 100 --reason 'invoice 2026-11'",
)
def grant(
    workspace_id: WorkspaceId,
    credit_count: Annotated[
        int, typer.Argument(metavar="CREDITS", min=1, max=1_000_000, help="How many.")
    ],
    reason: Annotated[
        str, typer.Option(help="The reason, as the ledger shows it; no personal data.")
    ] = "",
    request_id: RequestId = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Grant credits and wake the deliveries that wait for them."""
    request = GrantCreditsRequest(
        workspace_id=workspace_id,
        request_id=or_new(request_id),
        credits=credit_count,
        reason=reason,
    )
    answer = ask(DELIVERY, lambda delivery: delivery.GrantCredits, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)


@command(credit_commands, "balance", "waybill credits balance 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f")
def balance(
    workspace_id: WorkspaceId,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Show a workspace's balance."""
    request = GetBalanceRequest(workspace_id=workspace_id)
    answer = ask(DELIVERY, lambda delivery: delivery.GetBalance, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)


@command(
    credit_commands,
    "entries",
    "waybill credits entries 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f --page-size 20",
)
def entries(
    workspace_id: WorkspaceId,
    page_size: PageSize = 0,
    page_token: PageToken = "",
    read_all: ReadAll = False,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """List a workspace's ledger entries, newest first."""
    request = ListLedgerEntriesRequest(
        workspace_id=workspace_id, page_size=page_size, page_token=page_token
    )
    answer = ask_list(
        DELIVERY,
        lambda delivery: delivery.ListLedgerEntries,
        request,
        timeout_seconds=timeout,
        read_all=read_all,
    )
    show_list(answer, answer.entries, _COLUMNS, as_json=as_json)
