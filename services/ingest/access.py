"""Which callers may call which RPC of ingest; what is not listed is refused."""

from typing import Final

from services.chassis.rpc.auth import Access, AccessTable
from services.chassis.trace_service import TRACE_ACCESS

_SERVICE: Final = "/waybill.ingest.v1.IngestService/"
_TENANTS: Final = Access(tenants=True)
_OPERATOR: Final = Access(services=frozenset({"operator"}))

ACCESS: Final[AccessTable] = {
    f"{_SERVICE}CreateOrg": _OPERATOR,
    f"{_SERVICE}RegisterApp": _OPERATOR,
    f"{_SERVICE}RetireAppSecrets": _OPERATOR,
    f"{_SERVICE}CreateSource": _TENANTS,
    f"{_SERVICE}UpdateSource": _TENANTS,
    f"{_SERVICE}ListSources": _TENANTS,
    f"{_SERVICE}CreateLead": _TENANTS,
    f"{_SERVICE}GetLead": _TENANTS,
    f"{_SERVICE}ListLeads": _TENANTS,
    f"{_SERVICE}ListWebhookItems": _TENANTS,
    f"{_SERVICE}ReplayWebhookItem": _TENANTS,
    f"{_SERVICE}ListWebhookOrphans": _OPERATOR,
    f"{_SERVICE}ReplayWebhookOrphans": _OPERATOR,
    **TRACE_ACCESS,
}
