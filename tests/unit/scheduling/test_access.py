"""Every RPC of scheduling is in its table, and nothing else is."""

from services.chassis.ids import new_id
from services.chassis.rpc.auth import AUTHENTICATED, SERVICE_ROLE, Caller
from services.chassis.trace_service import TRACE_ACCESS
from services.scheduling.access import ACCESS
from waybill.scheduling.v1 import scheduling_service_pb2 as pb


def test_each_method_has_a_row_and_only_tenants_may_call_it() -> None:
    service = pb.DESCRIPTOR.services_by_name["SchedulingService"]
    own = {f"/{service.full_name}/{method.name}" for method in service.methods}
    assert set(ACCESS) == own | set(TRACE_ACCESS)
    tenant = Caller(subject="t", role=AUTHENTICATED, org_id=new_id())
    narrowed = Caller(subject="t", role=AUTHENTICATED, org_id=new_id(), workspace_id=new_id())
    routing = Caller(subject="service:routing", role=SERVICE_ROLE)
    for method in own:
        assert ACCESS[method].admits(tenant)
        assert not ACCESS[method].admits(narrowed)
        assert not ACCESS[method].admits(routing)
