"""The delivery service: what it is made of."""

from services.chassis.config import load
from services.chassis.database import pooled
from services.chassis.lifetime import looping, run
from services.chassis.loops import Stopping
from services.chassis.outbound.client import OutboundClient
from services.chassis.outbox.relay import Relay, RelayPolicy
from services.chassis.outbox.store import OutboxStore
from services.chassis.periodic import all_periodically
from services.chassis.rpc.client import connected
from services.chassis.rpc.server import serving
from services.chassis.sealing import load_key_ring
from services.chassis.sweeps import chassis_sweeps
from services.chassis.telemetry import telemetry
from services.chassis.trace_service import trace_served
from services.delivery import timeline_handoff
from services.delivery.access import ACCESS
from services.delivery.completion import Completions
from services.delivery.config import DeliveryConfig
from services.delivery.policies import claim_terms, outbound_policy, sender_policy
from services.delivery.poster import Poster
from services.delivery.sender import Sender
from services.delivery.service import DeliveryService, Parts, delivery_served
from services.delivery.store.credits import CreditStore
from services.delivery.store.deliveries import DeliveryStore
from services.delivery.store.endpoints import EndpointStore
from services.delivery.store.offers import OfferStore
from services.delivery.store.sending import SendingStore
from services.delivery.sweeps import sweeps
from services.delivery.workspaces import Workspaces
from waybill.routing.v1.routing_service_pb2_grpc import RoutingServiceStub
from waybill.sync.v1.sync_service_pb2_grpc import SyncServiceStub


async def main(stopping: Stopping) -> None:
    """Runs delivery until it is asked to stop."""
    config = load(DeliveryConfig)
    ring, outbound = load_key_ring(config.sealing_keys_file), outbound_policy(config)
    with telemetry("delivery", config):
        async with (
            pooled("delivery", config) as database,
            connected(config.routing_target, RoutingServiceStub, config) as routing,
            connected(config.sync_target, SyncServiceStub, config) as sync,
            OutboundClient(outbound) as client,
        ):
            offers, endpoints = OfferStore(database), EndpointStore(database)
            deliveries, credits = DeliveryStore(database), CreditStore(database)
            sending = SendingStore(database, claim_terms(config))
            events = Relay(
                timeline_handoff.TOPIC,
                OutboxStore(database),
                timeline_handoff.sender(sync, config.call_timeout_seconds),
                RelayPolicy(lingers=True),
            )
            async with (
                Sender(sending, Poster(client, ring), stopping, sender_policy(config)) as sender,
                looping(stopping, drain_seconds=config.drain_seconds) as loops,
                Completions(
                    deliveries,
                    batch_deliveries_max=config.complete_batch_deliveries_max,
                    waiting_max=config.complete_waiting_max,
                ) as completions,
            ):
                service = DeliveryService(
                    Parts(
                        offers=offers,
                        credits=credits,
                        endpoints=endpoints,
                        deliveries=deliveries,
                        completions=completions,
                        workspaces=Workspaces(
                            offers, routing, timeout_seconds=config.call_timeout_seconds
                        ),
                        outbound=outbound,
                        ring=ring,
                        due=sender.wake,
                    )
                )
                served = [delivery_served(service), trace_served(database, "delivery")]
                async with serving(config, ACCESS, served):
                    loops.start(sender.run(poll_seconds=config.poll_seconds))
                    loops.start(events.run(stopping, poll_seconds=config.poll_seconds))
                    loops.start(all_periodically(sweeps(credits, deliveries, config), stopping))
                    loops.start(all_periodically(chassis_sweeps(database, config), stopping))
                    await stopping.wait()


if __name__ == "__main__":
    run(main)
