"""`waybill source`: where input comes from."""

from typing import Annotated, Final

import typer

from services.console.calls import ask, ask_list
from services.console.client import INGEST, TIMEOUT_SECONDS
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
from services.console.secret_options import read_secret
from waybill.ingest.v1.ingest_service_pb2 import (
    CreateSourceRequest,
    ListSourcesRequest,
    UpdateSourceRequest,
)

_COLUMNS: Final = ("source_id", "kind", "external_id", "name", "default_region", "create_time")

sources = group("source", "Pages, accounts, numbers and forms that input comes from.")


@command(
    sources,
    "create",
    "waybill source create meta_page 153125381133 --region DE --access-token-file page-token",
    "waybill source create whatsapp_number 106540352242922 --region DE --name 'Sales line'",
)
def create(
    kind: Annotated[
        str, typer.Argument(help="meta_page, instagram_account, whatsapp_number or form.")
    ],
    external_id: Annotated[str, typer.Argument(help="The provider's id; a name for a form.")],
    region: Annotated[
        str, typer.Option(help="Country of its national phone numbers, for example DE.")
    ],
    name: Annotated[str, typer.Option(help="A name for people.")] = "",
    access_token: Annotated[
        str,
        typer.Option(
            envvar="WAYBILL_META_ACCESS_TOKEN",
            help="Token for the Graph API (meta_page); better given by a file.",
        ),
    ] = "",
    access_token_file: Annotated[
        str, typer.Option(help="File with that token; - is standard input.")
    ] = "",
    request_id: RequestId = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Create a source; from then on its events are this org's."""
    request = CreateSourceRequest(
        request_id=or_new(request_id),
        kind=kind,
        external_id=external_id,
        name=name,
        default_region=region,
        access_token=read_secret("--access-token", access_token, access_token_file),
    )
    answer = ask(INGEST, lambda ingest: ingest.CreateSource, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)


@command(
    sources,
    "update",
    "waybill source update 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f --access-token-file page-token",
    "waybill source update 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f --name 'Sales line'",
)
def update(
    source_id: Annotated[str, typer.Argument(help="The source: a UUID.")],
    name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    region: Annotated[
        str | None, typer.Option(help="Country of its national phone numbers, for example DE.")
    ] = None,
    access_token_file: Annotated[
        str, typer.Option(help="File with a new token for the Graph API; - is standard input.")
    ] = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Change a source, its token too; what is not given stays as it is."""
    request = UpdateSourceRequest(
        source_id=source_id,
        name=name,
        default_region=region,
        access_token=read_secret("--access-token", "", access_token_file) or None,
    )
    answer = ask(INGEST, lambda ingest: ingest.UpdateSource, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)


@command(sources, "list", "waybill source list", "waybill source list --all --json")
def list_sources(
    page_size: PageSize = 0,
    page_token: PageToken = "",
    read_all: ReadAll = False,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """List the org's sources, oldest first."""
    request = ListSourcesRequest(page_size=page_size, page_token=page_token)
    answer = ask_list(
        INGEST,
        lambda ingest: ingest.ListSources,
        request,
        timeout_seconds=timeout,
        read_all=read_all,
    )
    show_list(answer, answer.sources, _COLUMNS, as_json=as_json)
