"""The method table names every method, and lets in no other caller."""

import pytest

from services.chassis.ids import new_id
from services.chassis.rpc.auth import AUTHENTICATED, SERVICE_ROLE, Caller
from services.routing.access import ACCESS
from waybill.routing.v1 import routing_service_pb2 as pb
from waybill.trace.v1 import trace_service_pb2 as trace_pb

TENANT = Caller(subject="t", role=AUTHENTICATED, org_id=new_id())
WORKSPACE = Caller(subject="w", role=AUTHENTICATED, org_id=new_id(), workspace_id=new_id())


def a_service(name: str) -> Caller:
    return Caller(subject=f"service:{name}", role=SERVICE_ROLE)


def test_every_method_is_in_the_table_and_nothing_else() -> None:
    served = [
        pb.DESCRIPTOR.services_by_name["RoutingService"],
        trace_pb.DESCRIPTOR.services_by_name["TraceService"],
    ]
    methods = {f"/{s.full_name}/{method.name}" for s in served for method in s.methods}
    assert ACCESS.keys() == methods


@pytest.mark.parametrize(
    ("method", "tenant", "services"),
    [
        ("CreateWorkspace", True, set()),
        ("GetWorkspace", True, {"delivery", "operator"}),
        ("ListWorkspaces", True, set()),
        ("CreateRule", True, set()),
        ("UpdateRule", True, set()),
        ("ListRules", True, set()),
        ("GetRouting", True, set()),
        ("EnqueueLeads", False, {"ingest"}),
    ],
)
def test_who_may_call_what(method: str, tenant: bool, services: set[str]) -> None:
    access = ACCESS[f"/waybill.routing.v1.RoutingService/{method}"]
    names = ("ingest", "routing", "delivery", "scheduling", "sync", "operator")
    assert access.admits(TENANT) is tenant
    assert access.admits(WORKSPACE) is False
    assert {name for name in names if access.admits(a_service(name))} == services
