"""RoutingService, put together from its handlers."""

from dataclasses import dataclass

from services.chassis.loops import Wake
from services.chassis.rpc.server import Registration
from services.routing.dry_runs import DryRuns
from services.routing.edge.leads import LeadHandlers
from services.routing.edge.rules import RuleHandlers
from services.routing.edge.workspaces import WorkspaceHandlers
from services.routing.store.leads import LeadStore
from services.routing.store.rules import RuleStore
from services.routing.store.workspaces import WorkspaceStore
from waybill.routing.v1 import routing_service_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What the handlers use; `enqueued` is set when leads were taken over."""

    workspaces: WorkspaceStore
    rules: RuleStore
    leads: LeadStore
    dry_runs: DryRuns
    enqueued: Wake


def registration(dependencies: Dependencies) -> Registration:
    """RoutingService for `serving`."""
    return Registration(
        descriptor=pb.DESCRIPTOR.services_by_name["RoutingService"],
        handlers=(
            WorkspaceHandlers(dependencies.workspaces),
            RuleHandlers(dependencies.rules, dependencies.dry_runs),
            LeadHandlers(dependencies.leads, dependencies.enqueued),
        ),
    )
