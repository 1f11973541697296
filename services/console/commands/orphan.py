"""`waybill orphan`: what came for pages, accounts and numbers that no org has (operator)."""

from typing import Annotated, Final

import typer

from services.console.calls import ask_list, with_client
from services.console.client import INGEST, TIMEOUT_SECONDS, Client
from services.console.command_groups import command, group
from services.console.options import AsJson, PageSize, PageToken, ReadAll, Timeout
from services.console.output import show, show_list
from services.console.settings import Credential
from waybill.ingest.v1.ingest_service_pb2 import (
    ListWebhookOrphansRequest,
    ReplayWebhookOrphansRequest,
    ReplayWebhookOrphansResponse,
)

_COLUMNS: Final = (
    "item_id", "source_kind", "source_external_id", "kind", "external_id", "reason",
    "create_time", "trace_id",
)  # fmt: skip
_KINDS: Final = "meta_page, instagram_account or whatsapp_number"

orphans = group("orphan", "What came for pages, accounts and numbers that no org has.")


@command(
    orphans,
    "list",
    "waybill orphan list",
    "waybill orphan list --kind meta_page --external-id 700100200300 --all --json",
)
def list_orphans(
    kind: Annotated[str, typer.Option(help=f"Only for a {_KINDS}.")] = "",
    external_id: Annotated[
        str, typer.Option(help="Only for this page, account or number: the provider's id.")
    ] = "",
    page_size: PageSize = 0,
    page_token: PageToken = "",
    read_all: ReadAll = False,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """List what came for pages, accounts and numbers that no org has, newest first (operator)."""
    request = ListWebhookOrphansRequest(
        source_kind=kind,
        source_external_id=external_id,
        page_size=page_size,
        page_token=page_token,
    )
    answer = ask_list(
        INGEST,
        lambda ingest: ingest.ListWebhookOrphans,
        request,
        timeout_seconds=timeout,
        read_all=read_all,
        credential=Credential.OPERATOR,
    )
    show_list(answer, answer.orphans, _COLUMNS, as_json=as_json)


@command(orphans, "replay", "waybill orphan replay meta_page 700100200300")
def replay(
    kind: Annotated[str, typer.Argument(help=f"A {_KINDS}.")],
    external_id: Annotated[
        str, typer.Argument(help="The provider's id of the page, account or number.")
    ],
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Make items of all that came before the source was created (operator)."""
    request = ReplayWebhookOrphansRequest(source_kind=kind, source_external_id=external_id)

    async def replay_all(client: Client) -> ReplayWebhookOrphansResponse:
        count, has_more = 0, True
        while has_more:
            answer = await client.call(
                INGEST,
                lambda ingest: ingest.ReplayWebhookOrphans,
                request,
                credential=Credential.OPERATOR,
            )
            # A call that moved nothing leaves the rest to the process that moves it right now.
            count += answer.replayed_count
            has_more = answer.has_more and answer.replayed_count > 0
        return ReplayWebhookOrphansResponse(replayed_count=count, has_more=answer.has_more)

    answer = with_client(replay_all, timeout_seconds=timeout, what="replaying orphans")
    show(answer, as_json=as_json)
