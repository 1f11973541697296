"""Orgs."""

from typing import Any

from services.chassis.ids import new_id
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.ingest.edge.parsing import parse_org
from services.ingest.store import IngestStore
from waybill.ingest.v1 import ingest_service_pb2 as pb


class OrgHandlers:
    """The RPCs on orgs."""

    def __init__(self, store: IngestStore) -> None:
        self._store = store

    async def CreateOrg(self, request: pb.CreateOrgRequest, context: Any) -> pb.CreateOrgResponse:
        created = await self._store.create_org(
            new_id(),
            parse_org(request),
            source_id=new_id(),
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        return pb.CreateOrgResponse(org_id=str(created.org_id), source_id=str(created.source_id))
