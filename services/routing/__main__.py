"""The routing service: what it is made of."""

from services.chassis.config import load
from services.chassis.database import pooled
from services.chassis.lifetime import looping, run
from services.chassis.loops import Stopping
from services.chassis.outbox.relay import Relay
from services.chassis.outbox.store import OutboxStore
from services.chassis.periodic import all_periodically
from services.chassis.rpc.client import connected
from services.chassis.rpc.server import serving
from services.chassis.sealing import load_key_ring
from services.chassis.sweeps import chassis_sweeps
from services.chassis.telemetry import telemetry
from services.chassis.trace_service import trace_registration
from services.routing.access import ACCESS
from services.routing.config import RoutingConfig
from services.routing.decider import Decider
from services.routing.dry_runs import DryRuns
from services.routing.edge.handoffs import OFFER_LEADS, offer_sender
from services.routing.edge.registration import Dependencies, registration
from services.routing.policies import (
    dedupe_seconds,
    evaluator_limits,
    relay_policy,
    router_policy,
)
from services.routing.reporter import Reporter
from services.routing.router import Router
from services.routing.rule_evaluator.client import evaluator_process
from services.routing.store.claims import ClaimStore
from services.routing.store.leads import LeadStore
from services.routing.store.rules import RuleStore
from services.routing.store.workspaces import WorkspaceStore
from services.routing.sweeps import sweeps
from waybill.delivery.v1.delivery_service_pb2_grpc import DeliveryServiceStub


async def main(stopping: Stopping) -> None:
    """Runs routing until it is asked to stop."""
    config = load(RoutingConfig)
    with telemetry("routing", config):
        async with (
            pooled("routing", config) as database,
            connected(config.delivery_target, DeliveryServiceStub, config) as delivery,
            evaluator_process(evaluator_limits(config)) as lead_evaluator,
            evaluator_process(evaluator_limits(config)) as dry_run_evaluator,
        ):
            claims, leads = ClaimStore(database, config.worker), LeadStore(database)
            rules = RuleStore(database)
            relay = Relay(
                OFFER_LEADS,
                OutboxStore(database),
                offer_sender(delivery, timeout_seconds=config.call_timeout_seconds),
                relay_policy(config),
            )
            reporter = Reporter(
                claims,
                load_key_ring(config.dedupe_secrets_file),
                dedupe_seconds=dedupe_seconds(config),
            )
            router = Router(
                claims, rules, Decider(lead_evaluator), reporter, relay.wake, router_policy(config)
            )
            dependencies = Dependencies(
                workspaces=WorkspaceStore(database),
                rules=rules,
                leads=leads,
                dry_runs=DryRuns(dry_run_evaluator),
                enqueued=router.wake,
            )
            registrations = [registration(dependencies), trace_registration(database, "routing")]
            async with (
                looping(stopping, drain_seconds=config.drain_seconds) as loops,
                serving(config, ACCESS, registrations),
            ):
                loops.start(router.run(stopping, poll_seconds=config.poll_seconds))
                loops.start(relay.run(stopping, poll_seconds=config.poll_seconds))
                loops.start(all_periodically(sweeps(leads, config), stopping))
                loops.start(all_periodically(chassis_sweeps(database, config), stopping))
                await stopping.wait()


if __name__ == "__main__":
    run(main)
