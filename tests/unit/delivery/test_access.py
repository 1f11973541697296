from uuid import uuid4

from services.chassis.rpc.auth import NOT_LISTED, Access, Caller
from services.delivery.access import ACCESS
from waybill.delivery.v1.delivery_service_pb2 import DESCRIPTOR

METHODS = [method.name for method in DESCRIPTOR.services_by_name["DeliveryService"].methods]
TENANT = Caller(subject="t", role="authenticated", org_id=uuid4())
WORKSPACE = Caller(subject="t", role="authenticated", org_id=uuid4(), workspace_id=uuid4())


def _service(name: str) -> Caller:
    return Caller(subject=f"service:{name}", role="service_role")


def _admitted(caller: Caller) -> set[str]:
    return {name for name in METHODS if _access(name).admits(caller)}


def _access(name: str) -> Access:
    return ACCESS.get(f"/waybill.delivery.v1.DeliveryService/{name}", NOT_LISTED)


READS = {name for name in METHODS if name.startswith(("Get", "List"))}


def test_a_workspace_token_reads_and_no_more() -> None:
    assert _admitted(WORKSPACE) == READS


def test_a_tenant_does_not_call_what_services_call() -> None:
    assert _admitted(TENANT) == set(METHODS) - {"OfferLeads", "CompleteDelivery"}


def test_each_service_calls_what_is_its_own() -> None:
    assert _admitted(_service("routing")) == {"OfferLeads"}
    assert _admitted(_service("operator")) == {"CompleteDelivery"}
    assert _admitted(_service("ingest")) == _admitted(_service("sync")) == set()
