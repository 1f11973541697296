"""RPCs about endpoints."""

from typing import Any

from services.chassis.fields import parse_uuid
from services.chassis.ids import new_id
from services.chassis.loops import Wake
from services.chassis.outbound.client import OutboundPolicy, UrlRefused, check_url
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.delivery.edge.answers import to_endpoint
from services.delivery.edge.parsing import parse_optional_uuid, parse_rotation
from services.delivery.edge.workspaces import Workspaces
from services.delivery.endpoint_secrets import EndpointSecrets
from services.delivery.refusals import url_refused
from services.delivery.store.endpoints import EndpointStore
from waybill.delivery.v1 import delivery_service_pb2 as pb


class EndpointHandlers:
    """Creates and reads endpoints; enables, disables and gives them new secrets."""

    def __init__(
        self,
        store: EndpointStore,
        *,
        workspaces: Workspaces,
        webhook_policy: OutboundPolicy,
        secrets: EndpointSecrets,
        wake: Wake,
    ) -> None:
        self._store = store
        self._workspaces = workspaces
        self._webhook_policy = webhook_policy
        self._secrets = secrets
        self._wake = wake

    async def CreateEndpoint(
        self, request: pb.CreateEndpointRequest, context: Any
    ) -> pb.CreateEndpointResponse:
        org_id, workspace_id = caller().org, parse_uuid(request.workspace_id, "workspace_id")
        try:
            url = check_url(request.url, self._webhook_policy).text
        except UrlRefused as refused:
            raise url_refused(refused) from None
        await self._workspaces.ensure(org_id, workspace_id)
        endpoint, sealed = await self._store.create_endpoint(
            org_id,
            workspace_id,
            endpoint_id=new_id(),
            url=url,
            secret=self._secrets.generate(org_id),
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        self._wake.set()
        secret = self._secrets.open(org_id, sealed)
        return pb.CreateEndpointResponse(endpoint=to_endpoint(endpoint), secret=secret.text)

    async def ListEndpoints(
        self, request: pb.ListEndpointsRequest, context: Any
    ) -> pb.ListEndpointsResponse:
        reader = caller()
        of_workspace_id = parse_optional_uuid(request.workspace_id, "workspace_id")
        page = parse_page(request, "endpoints", of_workspace_id)
        found = await self._store.list_endpoints(
            reader.org,
            reader.workspace_id,
            of_workspace_id=of_workspace_id,
            limit=page.rows_to_read,
            after=page.start,
        )
        endpoints, next_page_token = page.split(found, lambda one: (str(one.endpoint_id),))
        return pb.ListEndpointsResponse(
            endpoints=[to_endpoint(one) for one in endpoints], next_page_token=next_page_token
        )

    async def EnableEndpoint(
        self, request: pb.EnableEndpointRequest, context: Any
    ) -> pb.EnableEndpointResponse:
        endpoint = await self._store.enable_endpoint(
            caller().org,
            parse_uuid(request.endpoint_id, "endpoint_id"),
            traceparent=current().traceparent,
        )
        self._wake.set()
        return pb.EnableEndpointResponse(endpoint=to_endpoint(endpoint))

    async def DisableEndpoint(
        self, request: pb.DisableEndpointRequest, context: Any
    ) -> pb.DisableEndpointResponse:
        endpoint = await self._store.disable_endpoint(
            caller().org,
            parse_uuid(request.endpoint_id, "endpoint_id"),
            traceparent=current().traceparent,
        )
        return pb.DisableEndpointResponse(endpoint=to_endpoint(endpoint))

    async def RotateEndpointSecret(
        self, request: pb.RotateEndpointSecretRequest, context: Any
    ) -> pb.RotateEndpointSecretResponse:
        org_id, (endpoint_id, overlap_seconds) = caller().org, parse_rotation(request)
        endpoint, sealed = await self._store.rotate_endpoint_secret(
            org_id,
            endpoint_id,
            secret=self._secrets.generate(org_id),
            overlap_seconds=overlap_seconds,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        secret = self._secrets.open(org_id, sealed)
        return pb.RotateEndpointSecretResponse(endpoint=to_endpoint(endpoint), secret=secret.text)
