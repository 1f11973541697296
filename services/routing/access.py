"""Who may call what; a method that is not here is refused."""

from typing import Final

from services.chassis.rpc.auth import Access, AccessTable
from services.chassis.trace_service import TRACE_ACCESS

_SERVICE: Final = "/waybill.routing.v1.RoutingService/"
_TENANTS: Final = Access(tenants=True)

ACCESS: Final[AccessTable] = {
    **TRACE_ACCESS,
    f"{_SERVICE}CreateWorkspace": _TENANTS,
    f"{_SERVICE}GetWorkspace": Access(tenants=True, services=frozenset({"delivery", "operator"})),
    f"{_SERVICE}ListWorkspaces": _TENANTS,
    f"{_SERVICE}CreateRule": _TENANTS,
    f"{_SERVICE}UpdateRule": _TENANTS,
    f"{_SERVICE}ListRules": _TENANTS,
    f"{_SERVICE}GetRouting": _TENANTS,
    f"{_SERVICE}EnqueueLeads": Access(services=frozenset({"ingest"})),
}
