"""RPCs about imports of external calendars."""

from typing import Any, Final

from services.chassis.fields import parse_uuid
from services.chassis.ids import new_id
from services.chassis.loops import Wake
from services.chassis.outbound.client import UrlRefused, check_url
from services.chassis.outbound.policy import OutboundPolicy
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.sealing import SealedColumn
from services.chassis.trace import current
from services.scheduling.edge.answers import to_import
from services.scheduling.edge.fields import SchedulingFields
from services.scheduling.refusals import url_refused
from services.scheduling.store.imports import ImportStore
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

EVERY_SECONDS: Final = 900
EVERY_SECONDS_MIN: Final = 60
EVERY_SECONDS_MAX: Final = 86_400


class ImportHandlers:
    """Handlers of imports."""

    def __init__(
        self, imports: ImportStore, urls: SealedColumn, outbound: OutboundPolicy, due: Wake
    ) -> None:
        self._imports = imports
        self._urls = urls
        self._outbound = outbound
        self._due = due

    async def CreateImport(
        self, request: pb.CreateImportRequest, context: Any
    ) -> pb.CreateImportResponse:
        org_id, import_id, fields = caller().org, new_id(), SchedulingFields()
        calendar_id = fields.uuid("calendar_id", request.calendar_id)
        every_seconds = fields.number(
            "every_seconds",
            request.every_seconds or EVERY_SECONDS,
            EVERY_SECONDS_MIN,
            EVERY_SECONDS_MAX,
        )
        fields.done()
        try:
            url = check_url(request.url, self._outbound).text
        except UrlRefused as refused:
            raise url_refused(refused) from None
        created = await self._imports.create_import(
            org_id,
            import_id,
            calendar_id,
            ciphertext=self._urls.seal(org_id, import_id, url),
            every_seconds=every_seconds,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        self._due.set()
        return pb.CreateImportResponse(import_state=to_import(created))

    async def ListImports(
        self, request: pb.ListImportsRequest, context: Any
    ) -> pb.ListImportsResponse:
        calendar_id = parse_uuid(request.calendar_id, "calendar_id")
        page = parse_page(request, "imports", calendar_id)
        found = await self._imports.list_imports(
            caller().org, calendar_id, limit=page.rows_to_read, after=page.start
        )
        imports, next_page_token = page.split(found, lambda one: (str(one.import_id),))
        return pb.ListImportsResponse(
            imports=[to_import(one) for one in imports], next_page_token=next_page_token
        )

    async def RemoveImport(
        self, request: pb.RemoveImportRequest, context: Any
    ) -> pb.RemoveImportResponse:
        await self._imports.remove_import(
            caller().org,
            parse_uuid(request.import_id, "import_id"),
            traceparent=current().traceparent,
        )
        return pb.RemoveImportResponse()
