"""The ingest service: what it is made of."""

from ipaddress import ip_network

from services.chassis.config import load
from services.chassis.database import pooled
from services.chassis.lifetime import looping, run
from services.chassis.loops import Stopping
from services.chassis.outbound.client import OutboundClient, OutboundPolicy
from services.chassis.outbox.relay import Relay, RelayPolicy
from services.chassis.outbox.store import OutboxStore
from services.chassis.periodic import all_periodically
from services.chassis.rpc.client import connected
from services.chassis.rpc.server import serving
from services.chassis.sealing import load_key_ring
from services.chassis.sweeps import chassis_sweeps
from services.chassis.telemetry import telemetry
from services.chassis.trace_service import trace_served
from services.ingest import handoff, timeline_handoff
from services.ingest.access import ACCESS
from services.ingest.api_sources import ApiSources
from services.ingest.app_secrets import AppSecrets
from services.ingest.config import IngestConfig
from services.ingest.http import serving_http
from services.ingest.items_worker import ItemsWorker
from services.ingest.lead_writer import lead_writer
from services.ingest.precedence import Precedence
from services.ingest.readers import LeadReader, MessageReader
from services.ingest.receiver import EVENT, Receiver, webhook_writer
from services.ingest.service import IngestService, ingest_served
from services.ingest.store import IngestStore
from services.ingest.webhook_items import LEADGEN, MESSAGE
from waybill.routing.v1.routing_service_pb2_grpc import RoutingServiceStub
from waybill.sync.v1.sync_service_pb2_grpc import SyncServiceStub


async def main(stopping: Stopping) -> None:
    """Runs ingest until it is asked to stop."""
    config = load(IngestConfig)
    ring = load_key_ring(config.sealing_keys_file)
    with telemetry("ingest", config):
        async with (
            pooled("ingest", config) as database,
            connected(config.routing_target, RoutingServiceStub, config) as routing,
            connected(config.sync_target, SyncServiceStub, config) as sync,
            OutboundClient(outbound_policy(config)) as http,
        ):
            store = IngestStore(database)
            secrets = AppSecrets(store, ring, fresh_seconds=config.secrets_fresh_seconds)
            relay = Relay(
                handoff.TOPIC,
                OutboxStore(database),
                handoff.sender(routing, config.call_timeout_seconds),
                RelayPolicy(
                    batch_items_max=config.handoff_batch_leads_max,
                    lease_seconds=config.handoff_lease_seconds,
                ),
            )
            events = Relay(
                timeline_handoff.TOPIC,
                OutboxStore(database),
                timeline_handoff.sender(sync, config.call_timeout_seconds),
            )
            precedence = Precedence(put_off_max=config.claim_put_off_max)
            async with lead_writer(store, config, relay.wake) as writer:
                leads = ItemsWorker(
                    LEADGEN,
                    LeadReader(store, http, ring, config.graph_url),
                    store=store,
                    writer=writer,
                    config=config,
                    concurrent_max=config.graph_calls_concurrent_max,
                )
                messages = ItemsWorker(
                    MESSAGE,
                    MessageReader(),
                    store=store,
                    writer=writer,
                    config=config,
                    # One claim is written while the next is read.
                    concurrent_max=2 * config.item_batch_max,
                    claims_concurrent_max=2,
                    precedence=precedence,
                )
                service = IngestService(
                    store,
                    ring=ring,
                    secrets=secrets,
                    writer=writer,
                    api_sources=ApiSources(store, fresh_seconds=config.sources_fresh_seconds),
                )
                async with (
                    looping(stopping, drain_seconds=config.drain_seconds) as loops,
                    webhook_writer(
                        store,
                        config,
                        {LEADGEN: leads.wake, MESSAGE: messages.wake, EVENT: events.wake},
                        precedence,
                    ) as webhooks,
                    serving(
                        config,
                        ACCESS,
                        [ingest_served(service), trace_served(database, "ingest")],
                    ),
                    serving_http(
                        Receiver(webhooks, secrets, items_max=config.webhook_items_max), config
                    ),
                ):
                    loops.start(leads.run(stopping))
                    loops.start(messages.run(stopping))
                    loops.start(relay.run(stopping, poll_seconds=config.poll_seconds))
                    loops.start(events.run(stopping, poll_seconds=config.poll_seconds))
                    loops.start(all_periodically(chassis_sweeps(database, config), stopping))
                    await stopping.wait()


def outbound_policy(config: IngestConfig) -> OutboundPolicy:
    """What calls to the Graph API may reach."""
    return OutboundPolicy(
        allowed_networks=tuple(map(ip_network, config.outbound_allowed_networks)),
        http_hosts=frozenset(config.outbound_http_hosts),
        response_bytes_max=256 * 1024,
        total_seconds_max=config.graph_timeout_seconds,
    )


if __name__ == "__main__":
    run(main)
