"""The routing service: what it is made of."""

from services.chassis.config import load
from services.chassis.database import pooled
from services.chassis.lifetime import looping, run
from services.chassis.loops import Stopping
from services.chassis.outbox.relay import Relay, RelayPolicy
from services.chassis.outbox.store import OutboxStore
from services.chassis.periodic import Task, all_periodically
from services.chassis.rpc.client import connected
from services.chassis.rpc.server import serving
from services.chassis.sealing import load_key_ring
from services.chassis.sweeps import chassis_sweeps
from services.chassis.telemetry import telemetry
from services.chassis.trace_service import trace_served
from services.routing.access import ACCESS
from services.routing.config import RoutingConfig
from services.routing.decider import Decider
from services.routing.handoff import OFFER_LEADS, offering
from services.routing.hearings import JudgeLimits
from services.routing.judging import judging
from services.routing.router import Router, RouterPolicy
from services.routing.service import RoutingService, routing_served
from services.routing.store.attempts import AttemptStore
from services.routing.store.leads import LeadStore
from services.routing.store.rules import RuleStore
from services.routing.trials import Trials
from waybill.delivery.v1.delivery_service_pb2_grpc import DeliveryServiceStub


async def main(stopping: Stopping) -> None:
    """Runs routing until it is asked to stop."""
    config = load(RoutingConfig)
    with telemetry("routing", config):
        async with (
            pooled("routing", config) as database,
            connected(config.delivery_target, DeliveryServiceStub, config) as delivery,
            judging(judge_limits(config)) as judge,
            judging(judge_limits(config)) as trial_judge,
        ):
            rules, leads = RuleStore(database), LeadStore(database)
            relay = Relay(
                OFFER_LEADS,
                OutboxStore(database),
                offering(delivery, timeout_seconds=config.call_timeout_seconds),
                RelayPolicy(
                    batch_items_max=config.offer_batch_items_max,
                    lease_seconds=config.offer_lease_seconds,
                ),
            )
            router = Router(
                AttemptStore(database, config.worker),
                rules,
                Decider(judge),
                load_key_ring(config.dedupe_secrets_file),
                relay.wake,
                router_policy(config),
            )
            service = RoutingService(rules, leads, Trials(trial_judge), router.wake)
            served = [routing_served(service), trace_served(database, "routing")]
            async with (
                looping(stopping, drain_seconds=config.drain_seconds) as loops,
                serving(config, ACCESS, served),
            ):
                loops.start(router.run(stopping, poll_seconds=config.poll_seconds))
                loops.start(relay.run(stopping, poll_seconds=config.poll_seconds))
                loops.start(all_periodically(sweeps(leads, config), stopping))
                loops.start(all_periodically(chassis_sweeps(database, config), stopping))
                await stopping.wait()


def router_policy(config: RoutingConfig) -> RouterPolicy:
    """The router's bounds."""
    return RouterPolicy(
        batch_leads_max=config.route_batch_leads_max,
        lease_seconds=config.route_lease_seconds,
        decide_seconds_max=config.route_decide_seconds_max,
        dedupe_seconds=config.dedupe_window_days * 86_400,
    )


def judge_limits(config: RoutingConfig) -> JudgeLimits:
    """The bounds of a process that judges rules."""
    return JudgeLimits(
        lead_cpu_seconds=config.lead_cpu_seconds_max,
        trial_cpu_seconds=config.condition_cpu_seconds_max,
        memory_bytes=config.judge_memory_bytes_max,
    )


def sweeps(leads: LeadStore, config: RoutingConfig) -> list[Task]:
    """Routing's periodic work."""

    async def expire(traceparent: str) -> int | None:
        return await leads.expire_leads(
            limit=config.expire_batch_leads_max,
            every_seconds=config.expire_every_seconds,
            traceparent=traceparent,
        )

    return [
        Task(name="expire_leads", every_seconds=config.expire_every_seconds, run=expire),
    ]


if __name__ == "__main__":
    run(main)
