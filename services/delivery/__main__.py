"""The delivery service: what it is made of."""

from services.chassis.config import load
from services.chassis.database import pooled
from services.chassis.lifetime import looping, run
from services.chassis.loops import Stopping
from services.chassis.outbound.client import OutboundClient
from services.chassis.outbox.relay import Relay, RelayPolicy
from services.chassis.outbox.store import OutboxStore
from services.chassis.outbox.timeline import timeline_sender
from services.chassis.periodic import all_periodically
from services.chassis.rpc.client import connected
from services.chassis.rpc.server import serving
from services.chassis.sealing import load_key_ring
from services.chassis.sweeps import chassis_sweeps
from services.chassis.telemetry import telemetry
from services.chassis.trace_service import trace_registration
from services.delivery.access import ACCESS
from services.delivery.config import DeliveryConfig
from services.delivery.dispatcher import Dispatcher
from services.delivery.edge.handoffs import TIMELINE_TOPIC
from services.delivery.edge.registration import Dependencies, registration
from services.delivery.edge.workspaces import Workspaces
from services.delivery.endpoint_secrets import EndpointSecrets
from services.delivery.manual_completions import ManualCompletions
from services.delivery.policies import claim_terms, dispatcher_policy, webhook_policy
from services.delivery.store.claims import ClaimStore
from services.delivery.store.credits import CreditStore
from services.delivery.store.deliveries import DeliveryStore
from services.delivery.store.endpoints import EndpointStore
from services.delivery.store.offers import OfferStore
from services.delivery.sweeps import sweeps
from services.delivery.webhook_client import WebhookClient
from waybill.routing.v1.routing_service_pb2_grpc import RoutingServiceStub
from waybill.sync.v1.sync_service_pb2_grpc import SyncServiceStub


async def main(stopping: Stopping) -> None:
    """Runs delivery until it is asked to stop."""
    config = load(DeliveryConfig)
    secrets = EndpointSecrets(load_key_ring(config.sealing_keys_file))
    with telemetry("delivery", config):
        async with (
            pooled("delivery", config) as database,
            connected(config.routing_target, RoutingServiceStub, config) as routing,
            connected(config.sync_target, SyncServiceStub, config) as sync,
            OutboundClient(webhook_policy(config)) as client,
        ):
            offers, endpoints = OfferStore(database), EndpointStore(database)
            deliveries, credits = DeliveryStore(database), CreditStore(database)
            claims = ClaimStore(database, claim_terms(config))
            events = Relay(
                TIMELINE_TOPIC,
                OutboxStore(database),
                timeline_sender(sync, config.call_timeout_seconds),
                RelayPolicy(lingers=True),
            )
            async with (
                Dispatcher(
                    claims, WebhookClient(client, secrets), stopping, dispatcher_policy(config)
                ) as dispatcher,
                looping(stopping, drain_seconds=config.drain_seconds) as loops,
                ManualCompletions(
                    deliveries,
                    batch_deliveries_max=config.complete_batch_deliveries_max,
                    waiting_max=config.complete_waiting_max,
                ) as completions,
            ):
                dependencies = Dependencies(
                    offers=offers,
                    credits=credits,
                    endpoints=endpoints,
                    deliveries=deliveries,
                    completions=completions,
                    workspaces=Workspaces(
                        offers, routing, timeout_seconds=config.call_timeout_seconds
                    ),
                    webhook_policy=webhook_policy(config),
                    secrets=secrets,
                    wake=dispatcher.wake,
                )
                registrations = [
                    registration(dependencies),
                    trace_registration(database, "delivery"),
                ]
                async with serving(config, ACCESS, registrations):
                    loops.start(dispatcher.run(poll_seconds=config.poll_seconds))
                    loops.start(events.run(stopping, poll_seconds=config.poll_seconds))
                    loops.start(all_periodically(sweeps(credits, deliveries, config), stopping))
                    loops.start(all_periodically(chassis_sweeps(database, config), stopping))
                    await stopping.wait()


if __name__ == "__main__":
    run(main)
