"""`waybill org`: tenants."""

from typing import Annotated

import typer

from services.console.calls import ask
from services.console.client import INGEST, TIMEOUT_SECONDS
from services.console.command_groups import command, group
from services.console.options import AsJson, RequestId, Timeout, or_new
from services.console.output import show
from services.console.settings import Credential
from waybill.ingest.v1.ingest_service_pb2 import CreateOrgRequest

orgs = group("org", "Tenants.")


@command(
    orgs,
    "create",
    "waybill org create 'Acme Leads' --region DE",
    "waybill org create Acme --region DE --request-id acme-1 --json",
)
def create(
    name: Annotated[str, typer.Argument(help="A name for people.")],
    region: Annotated[
        str, typer.Option(help="Country of its national phone numbers, for example DE.")
    ],
    request_id: RequestId = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Create an org, with a source for the leads that it posts itself (operator)."""
    request = CreateOrgRequest(request_id=or_new(request_id), name=name, default_region=region)
    answer = ask(
        INGEST,
        lambda ingest: ingest.CreateOrg,
        request,
        timeout_seconds=timeout,
        credential=Credential.OPERATOR,
    )
    show(answer, as_json=as_json)
