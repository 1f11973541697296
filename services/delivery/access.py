"""Who may call what; a method that is not here is refused."""

from typing import Final

from services.chassis.rpc.auth import Access, AccessTable
from services.chassis.trace_service import TRACE_ACCESS

_SERVICE: Final = "/waybill.delivery.v1.DeliveryService/"
_TENANTS: Final = Access(tenants=True)
_READERS: Final = Access(tenants=True, workspace_tokens=True)

ACCESS: Final[AccessTable] = {
    **TRACE_ACCESS,
    f"{_SERVICE}OfferLeads": Access(services=frozenset({"routing"})),
    f"{_SERVICE}GetOffer": _READERS,
    f"{_SERVICE}ListOffers": _READERS,
    f"{_SERVICE}AdvanceOffer": _TENANTS,
    f"{_SERVICE}CreateEndpoint": _TENANTS,
    f"{_SERVICE}ListEndpoints": _READERS,
    f"{_SERVICE}EnableEndpoint": _TENANTS,
    f"{_SERVICE}DisableEndpoint": _TENANTS,
    f"{_SERVICE}RotateEndpointSecret": _TENANTS,
    f"{_SERVICE}GrantCredits": _TENANTS,
    f"{_SERVICE}GetBalance": _READERS,
    f"{_SERVICE}ListLedgerEntries": _READERS,
    f"{_SERVICE}GetDelivery": _READERS,
    f"{_SERVICE}ListDeliveries": _READERS,
    f"{_SERVICE}CompleteDelivery": Access(services=frozenset({"operator"})),
    f"{_SERVICE}RedeliverDelivery": _TENANTS,
}
