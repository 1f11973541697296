"""The sync service: what it is made of."""

from services.chassis.config import load
from services.chassis.database import pooled
from services.chassis.lifetime import looping, run
from services.chassis.loops import Stopping
from services.chassis.outbound.client import OutboundClient
from services.chassis.outbound.policy import outbound_policy
from services.chassis.periodic import all_periodically
from services.chassis.rpc.server import serving
from services.chassis.sealing import load_key_ring
from services.chassis.sweeps import chassis_sweeps
from services.chassis.telemetry import telemetry
from services.chassis.trace_service import trace_registration
from services.sync.access import ACCESS
from services.sync.background import Background
from services.sync.clock import RealClock
from services.sync.config import SyncConfig
from services.sync.edge.registration import Dependencies, registration
from services.sync.graph import Graph
from services.sync.health import HealthCheck
from services.sync.page_tokens import PageTokens
from services.sync.policies import puller_policy, run_budget
from services.sync.puller import Puller
from services.sync.store.conversations import ConversationStore
from services.sync.store.locks import LockStore
from services.sync.store.pages import PageStore
from services.sync.store.sessions import SessionStore
from services.sync.sweeps import sweeps


async def main(stopping: Stopping) -> None:
    """Runs sync until it is asked to stop."""
    config = load(SyncConfig)
    tokens, clock = PageTokens(load_key_ring(config.sealing_keys_file)), RealClock()
    policy, budget = puller_policy(config), run_budget(config)
    outbound = outbound_policy(
        config,
        response_bytes_max=config.graph_response_bytes_max,
        total_seconds_max=config.graph_timeout_seconds,
    )
    with telemetry("sync", config):
        async with (
            pooled("sync", config) as database,
            OutboundClient(outbound) as http,
        ):
            pages, locks = PageStore(database), LockStore(database)
            sessions = SessionStore(database, config.worker, lease_seconds=config.lease_seconds)
            graph = Graph(http, config.graph_url)
            puller = Puller(sessions, pages, graph, tokens, clock, policy, stopping=stopping)
            background = Background(
                sessions, puller, budget, concurrent_max=config.background_runs_concurrent_max
            )
            health = HealthCheck(
                pages,
                graph,
                tokens,
                clock,
                every_seconds=config.check_every_seconds,
                silence_seconds=config.silence_seconds,
                pace=policy.pace,
                session_started=background.wake.set,
            )
            service = registration(
                Dependencies(
                    pages=pages,
                    sessions=sessions,
                    locks=locks,
                    conversations=ConversationStore(database),
                    puller=puller,
                    budget=budget,
                    tokens=tokens,
                    background=background.wake,
                    health_check=health.wake,
                )
            )
            async with (
                looping(stopping, drain_seconds=config.drain_seconds) as loops,
                serving(config, ACCESS, [service, trace_registration(database, "sync")]),
            ):
                loops.start(background.run(stopping, poll_seconds=config.poll_seconds))
                loops.start(health.run(stopping, poll_seconds=config.poll_seconds))
                loops.start(all_periodically(sweeps(sessions, locks, config), stopping))
                loops.start(all_periodically(chassis_sweeps(database, config), stopping))
                await stopping.wait()


if __name__ == "__main__":
    run(main)
