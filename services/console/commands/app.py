"""`waybill app`: Meta apps, whose secrets sign webhooks."""

from typing import Annotated, Final

import typer

from services.console.calls import ask
from services.console.client import INGEST, TIMEOUT_SECONDS
from services.console.command_groups import command, group
from services.console.options import AsJson, RequestId, Timeout, or_new
from services.console.output import show
from services.console.secret_options import require_secret
from services.console.settings import Credential
from waybill.ingest.v1.ingest_service_pb2 import (
    RegisterAppRequest,
    RetireAppSecretsRequest,
)

SECRET_VARIABLE: Final = "WAYBILL_META_APP_SECRET"
VERIFY_TOKEN_VARIABLE: Final = "WAYBILL_META_VERIFY_TOKEN"

apps = group("app", "Meta apps, whose secrets sign webhooks.")


@command(
    apps,
    "register",
    "waybill app register 1234567890 --secret-file app-secret --verify-token-file verify-token",
    "pass meta/secret | waybill app register 1234567890 --secret-file -",
)
def register(
    external_app_id: Annotated[str, typer.Argument(help="The app's id at Meta.")],
    secret: Annotated[
        str, typer.Option(envvar=SECRET_VARIABLE, help="The app secret; better given by a file.")
    ] = "",
    secret_file: Annotated[
        str, typer.Option(help="File with the app secret; - is standard input.")
    ] = "",
    verify_token: Annotated[
        str, typer.Option(envvar=VERIFY_TOKEN_VARIABLE, help="What Meta sends as hub.verify_token.")
    ] = "",
    verify_token_file: Annotated[str, typer.Option(help="File with the verify token.")] = "",
    request_id: RequestId = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Register a Meta app, or add a secret or verify token to one (operator).

    Older secrets stay valid beside the new one. What is given is never shown again.
    """
    request = RegisterAppRequest(
        request_id=or_new(request_id),
        external_app_id=external_app_id,
        secret=require_secret("--secret", SECRET_VARIABLE, secret, secret_file),
        verify_token=require_secret(
            "--verify-token", VERIFY_TOKEN_VARIABLE, verify_token, verify_token_file
        ),
    )
    answer = ask(
        INGEST,
        lambda ingest: ingest.RegisterApp,
        request,
        timeout_seconds=timeout,
        credential=Credential.OPERATOR,
    )
    show(answer, as_json=as_json)


@command(apps, "retire-secrets", "waybill app retire-secrets 1234567890")
def retire_secrets(
    external_app_id: Annotated[str, typer.Argument(help="The app's id at Meta.")],
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Withdraw all secrets and verify tokens of an app but the newest of each (operator)."""
    request = RetireAppSecretsRequest(external_app_id=external_app_id)
    answer = ask(
        INGEST,
        lambda ingest: ingest.RetireAppSecrets,
        request,
        timeout_seconds=timeout,
        credential=Credential.OPERATOR,
    )
    show(answer, as_json=as_json)
