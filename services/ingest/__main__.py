"""The ingest service: what it is made of."""

from services.chassis.config import load
from services.chassis.database import pooled
from services.chassis.lifetime import looping, run
from services.chassis.loops import Stopping
from services.chassis.outbound.client import OutboundClient
from services.chassis.outbox.relay import Relay
from services.chassis.outbox.store import OutboxStore
from services.chassis.periodic import all_periodically
from services.chassis.rpc.client import connected
from services.chassis.rpc.server import serving
from services.chassis.sealing import SealedColumn, load_key_ring
from services.chassis.telemetry import telemetry
from services.chassis.trace_service import trace_registration
from services.ingest.access import ACCESS
from services.ingest.api_source_cache import ApiSourceCache
from services.ingest.app_secrets import AppSecrets
from services.ingest.config import IngestConfig
from services.ingest.edge.handoffs import EVENTS_TOPIC, LEADS_TOPIC, event_sender, lead_sender
from services.ingest.edge.registration import Dependencies, registration
from services.ingest.http import serving_http
from services.ingest.item_readers import LeadgenReader, MessageReader
from services.ingest.item_worker import ItemWorker
from services.ingest.lead_writer import lead_writer
from services.ingest.policies import graph_policy, lead_relay_policy
from services.ingest.records.webhooks import LEADGEN, MESSAGE
from services.ingest.store import IngestStore
from services.ingest.sweeps import sweeps
from services.ingest.webhook_priority import WebhookPriority
from services.ingest.webhook_receiver import WebhookReceiver
from services.ingest.webhook_writer import EVENT, webhook_writer
from waybill.routing.v1.routing_service_pb2_grpc import RoutingServiceStub
from waybill.sync.v1.sync_service_pb2_grpc import SyncServiceStub


async def main(stopping: Stopping) -> None:
    """Runs ingest until it is asked to stop."""
    config = load(IngestConfig)
    ring = load_key_ring(config.sealing_keys_file)
    app_secret_column = SealedColumn(ring, table="app_secrets", column="ciphertext")
    access_token_column = SealedColumn(ring, table="sources", column="access_token_ciphertext")
    with telemetry("ingest", config):
        async with (
            pooled("ingest", config) as database,
            connected(config.routing_target, RoutingServiceStub, config) as routing,
            connected(config.sync_target, SyncServiceStub, config) as sync,
            OutboundClient(graph_policy(config)) as graph,
        ):
            store = IngestStore(database)
            outbox = OutboxStore(database)
            app_secrets = AppSecrets(
                store, app_secret_column, fresh_seconds=config.secrets_fresh_seconds
            )
            lead_relay = Relay(
                LEADS_TOPIC,
                outbox,
                lead_sender(routing, config.call_timeout_seconds),
                lead_relay_policy(config),
            )
            event_relay = Relay(
                EVENTS_TOPIC, outbox, event_sender(sync, config.call_timeout_seconds)
            )
            priority = WebhookPriority(deferrals_max=config.claim_put_off_max)
            async with lead_writer(store, config, lead_relay.wake) as leads:
                leadgen_worker = ItemWorker(
                    LEADGEN,
                    LeadgenReader(store, graph, access_token_column, config.graph_url),
                    store=store,
                    writer=leads,
                    config=config,
                    concurrent_max=config.graph_calls_concurrent_max,
                )
                message_worker = ItemWorker(
                    MESSAGE,
                    MessageReader(),
                    store=store,
                    writer=leads,
                    config=config,
                    # One claim is written while the next is read.
                    concurrent_max=2 * config.item_batch_max,
                    claims_concurrent_max=2,
                    priority=priority,
                )
                dependencies = Dependencies(
                    store=store,
                    app_secrets=app_secrets,
                    app_secret_column=app_secret_column,
                    access_token_column=access_token_column,
                    api_sources=ApiSourceCache(store, fresh_seconds=config.sources_fresh_seconds),
                    lead_writer=leads,
                )
                wakes = {
                    LEADGEN: leadgen_worker.wake,
                    MESSAGE: message_worker.wake,
                    EVENT: event_relay.wake,
                }
                async with (
                    looping(stopping, drain_seconds=config.drain_seconds) as loops,
                    webhook_writer(store, config, wakes, priority) as webhooks,
                    serving(
                        config,
                        ACCESS,
                        [registration(dependencies), trace_registration(database, "ingest")],
                    ),
                    serving_http(
                        WebhookReceiver(webhooks, app_secrets, items_max=config.webhook_items_max),
                        config,
                    ),
                ):
                    loops.start(leadgen_worker.run(stopping))
                    loops.start(message_worker.run(stopping))
                    loops.start(lead_relay.run(stopping, poll_seconds=config.poll_seconds))
                    loops.start(event_relay.run(stopping, poll_seconds=config.poll_seconds))
                    loops.start(all_periodically(sweeps(database, config), stopping))
                    await stopping.wait()


if __name__ == "__main__":
    run(main)
