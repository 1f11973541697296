"""Meta apps and their secrets."""

from typing import Any

from services.chassis.ids import new_id
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.sealing import SealedColumn
from services.chassis.trace import current
from services.ingest.app_secrets import AppSecrets
from services.ingest.edge.parsing import parse_app, parse_external_app_id
from services.ingest.store import IngestStore
from waybill.ingest.v1 import ingest_service_pb2 as pb


class AppHandlers:
    """The RPCs on apps."""

    def __init__(self, store: IngestStore, secrets: AppSecrets, column: SealedColumn) -> None:
        self._store = store
        self._secrets = secrets
        self._column = column

    async def RegisterApp(
        self, request: pb.RegisterAppRequest, context: Any
    ) -> pb.RegisterAppResponse:
        app = parse_app(request)
        # The secrets are sealed under the app's id, so a registered app is found first.
        app_id = await self._store.find_app(app.external_app_id) or new_id()
        registered_id = await self._store.register_app(
            app_id,
            app.external_app_id,
            secret_id=new_id(),
            secret_ciphertext=self._column.seal(None, app_id, app.secret),
            verify_token_id=new_id(),
            verify_token_ciphertext=self._column.seal(None, app_id, app.verify_token),
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        self._secrets.invalidate()
        return pb.RegisterAppResponse(app_id=str(registered_id))

    async def RetireAppSecrets(
        self, request: pb.RetireAppSecretsRequest, context: Any
    ) -> pb.RetireAppSecretsResponse:
        count = await self._store.retire_app_secrets(
            parse_external_app_id(request), traceparent=current().traceparent
        )
        self._secrets.invalidate()
        return pb.RetireAppSecretsResponse(retired_count=count)
