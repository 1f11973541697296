"""Who may call what; a method that is not here is refused."""

from typing import Final

from services.chassis.rpc.auth import Access, AccessTable
from services.chassis.trace_service import TRACE_ACCESS

_SERVICE: Final = "/waybill.sync.v1.SyncService/"
_TENANTS: Final = Access(tenants=True)
REPORTERS: Final = frozenset({"ingest", "scheduling", "delivery"})

ACCESS: Final[AccessTable] = {
    **TRACE_ACCESS,
    f"{_SERVICE}ConnectPage": _TENANTS,
    f"{_SERVICE}ListPages": _TENANTS,
    f"{_SERVICE}SyncConversations": _TENANTS,
    f"{_SERVICE}StartSync": _TENANTS,
    f"{_SERVICE}GetSync": _TENANTS,
    f"{_SERVICE}ListActiveSyncs": _TENANTS,
    f"{_SERVICE}ListSyncLocks": _TENANTS,
    f"{_SERVICE}ListSyncStatistics": _TENANTS,
    f"{_SERVICE}ListSyncRejects": _TENANTS,
    f"{_SERVICE}ListConversations": _TENANTS,
    f"{_SERVICE}SearchConversations": _TENANTS,
    f"{_SERVICE}GetConversation": _TENANTS,
    f"{_SERVICE}UpdateConversation": _TENANTS,
    f"{_SERVICE}RecordEvents": Access(services=REPORTERS),
}
