"""RPCs about pages."""

from typing import Any

from services.chassis.ids import new_id
from services.chassis.loops import Wake
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.sync.edge.answers import to_page
from services.sync.edge.parsing import parse_page_to_connect
from services.sync.page_tokens import PageTokens
from services.sync.store.pages import PageStore
from waybill.sync.v1 import sync_service_pb2 as pb


class PageHandlers:
    """A page that was connected is checked and pulled at once."""

    def __init__(
        self, pages: PageStore, tokens: PageTokens, *, background: Wake, health_check: Wake
    ) -> None:
        self._pages = pages
        self._tokens = tokens
        self._background = background
        self._health_check = health_check

    async def ConnectPage(
        self, request: pb.ConnectPageRequest, context: Any
    ) -> pb.ConnectPageResponse:
        page, org_id = parse_page_to_connect(request), caller().org
        page_id = await self._pages.connect_page(
            org_id,
            page_id=new_id(),
            platform=page.platform,
            facebook_page_id=page.facebook_page_id,
            name=page.name,
            external_app_id=page.external_app_id,
            access_token_ciphertext=self._tokens.seal(
                org_id,
                platform=page.platform,
                facebook_page_id=page.facebook_page_id,
                token=page.access_token,
            ),
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        self._health_check.set()
        self._background.set()
        (connected,) = await self._pages.list_pages(org_id, 1, page_id=page_id)
        return pb.ConnectPageResponse(page=to_page(connected))

    async def ListPages(self, request: pb.ListPagesRequest, context: Any) -> pb.ListPagesResponse:
        pagination = parse_page(request, "pages")
        rows = await self._pages.list_pages(caller().org, pagination.rows_to_read, pagination.start)
        pages, token = pagination.split(rows, lambda each: (str(each.page_id),))
        return pb.ListPagesResponse(pages=map(to_page, pages), next_page_token=token)
