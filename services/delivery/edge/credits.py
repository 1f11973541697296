"""RPCs about credits."""

from typing import Any

from services.chassis.errors import not_found
from services.chassis.fields import parse_uuid
from services.chassis.loops import Wake
from services.chassis.rpc.auth import caller
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.delivery.edge.answers import to_balance, to_ledger_entry
from services.delivery.edge.ledger_pagination import parse_ledger_page
from services.delivery.edge.parsing import parse_grant
from services.delivery.edge.workspaces import Workspaces
from services.delivery.store.credits import CreditStore
from waybill.delivery.v1 import delivery_service_pb2 as pb


class CreditHandlers:
    """Grants credits; reads balances and the ledger."""

    def __init__(self, store: CreditStore, *, workspaces: Workspaces, wake: Wake) -> None:
        self._store = store
        self._workspaces = workspaces
        self._wake = wake

    async def GrantCredits(
        self, request: pb.GrantCreditsRequest, context: Any
    ) -> pb.GrantCreditsResponse:
        org_id, grant = caller().org, parse_grant(request)
        await self._workspaces.ensure(org_id, grant.workspace_id)
        balance = await self._store.grant_credits(
            org_id,
            grant.workspace_id,
            credits=grant.credits,
            reason=grant.reason,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        self._wake.set()
        return pb.GrantCreditsResponse(balance=to_balance(balance))

    async def GetBalance(
        self, request: pb.GetBalanceRequest, context: Any
    ) -> pb.GetBalanceResponse:
        reader, workspace_id = caller(), parse_uuid(request.workspace_id, "workspace_id")
        if reader.workspace_id not in (None, workspace_id):
            raise not_found("workspace", workspace_id)
        await self._workspaces.ensure(reader.org, workspace_id)
        balance = await self._store.get_balance(reader.org, reader.workspace_id, workspace_id)
        if balance is None:
            raise not_found("workspace", workspace_id)
        return pb.GetBalanceResponse(balance=to_balance(balance))

    async def ListLedgerEntries(
        self, request: pb.ListLedgerEntriesRequest, context: Any
    ) -> pb.ListLedgerEntriesResponse:
        reader, of_workspace_id = caller(), parse_uuid(request.workspace_id, "workspace_id")
        page = parse_ledger_page(request, "ledger", of_workspace_id)
        found = await self._store.list_ledger_entries(
            reader.org,
            reader.workspace_id,
            of_workspace_id=of_workspace_id,
            limit=page.rows_to_read,
            before=page.start,
        )
        entries, next_page_token = page.split(found, lambda one: (str(one.version), one.account))
        return pb.ListLedgerEntriesResponse(
            entries=[to_ledger_entry(one) for one in entries], next_page_token=next_page_token
        )
