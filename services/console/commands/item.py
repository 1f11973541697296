"""`waybill item`: webhook items, dead letters among them."""

from typing import Annotated, Final

import typer

from services.console.calls import ask, ask_list
from services.console.client import INGEST, TIMEOUT_SECONDS
from services.console.command_groups import command, group
from services.console.options import AsJson, PageSize, PageToken, ReadAll, Timeout
from services.console.output import show, show_list
from waybill.ingest.v1.ingest_service_pb2 import ListWebhookItemsRequest, ReplayWebhookItemRequest

_COLUMNS: Final = (
    "item_id", "kind", "external_id", "status", "reason", "attempts", "create_time", "trace_id",
)  # fmt: skip

items = group("item", "Webhook items, dead letters among them.")


@command(items, "list", "waybill item list --status dead_letter", "waybill item list --all --json")
def list_items(
    status: Annotated[
        str,
        typer.Option(
            help="Only pending, processing, failed, stored, duplicate, ignored or dead_letter."
        ),
    ] = "",
    page_size: PageSize = 0,
    page_token: PageToken = "",
    read_all: ReadAll = False,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """List the org's webhook items, newest first."""
    request = ListWebhookItemsRequest(status=status, page_size=page_size, page_token=page_token)
    answer = ask_list(
        INGEST,
        lambda ingest: ingest.ListWebhookItems,
        request,
        timeout_seconds=timeout,
        read_all=read_all,
    )
    show_list(answer, answer.items, _COLUMNS, as_json=as_json)


@command(items, "replay", "waybill item replay 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f")
def replay(
    item_id: Annotated[str, typer.Argument(help="The dead-lettered item: a UUID.")],
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Put a dead-lettered item back to work, its tries counted from zero."""
    request = ReplayWebhookItemRequest(item_id=item_id)
    answer = ask(INGEST, lambda ingest: ingest.ReplayWebhookItem, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)
