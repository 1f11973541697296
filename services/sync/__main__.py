"""The sync service: what it is made of."""

from ipaddress import ip_network

from services.chassis.config import load
from services.chassis.database import pooled
from services.chassis.lifetime import looping, run
from services.chassis.loops import Stopping
from services.chassis.outbound.client import OutboundClient, OutboundPolicy
from services.chassis.periodic import Task, all_periodically
from services.chassis.rpc.server import serving
from services.chassis.sealing import load_key_ring
from services.chassis.sweeps import chassis_sweeps
from services.chassis.telemetry import telemetry
from services.chassis.trace_service import trace_served
from services.sync.access import ACCESS
from services.sync.background import Background
from services.sync.clock import RealClock
from services.sync.config import SyncConfig
from services.sync.graph import Graph
from services.sync.health import HealthCheck
from services.sync.puller import PullBudget, Puller, PullerPolicy
from services.sync.service import SyncService, sync_served
from services.sync.store.conversations import ConversationStore
from services.sync.store.locks import LockStore
from services.sync.store.pages import CallPace, PageStore
from services.sync.store.sessions import SessionStore


async def main(stopping: Stopping) -> None:
    """Runs sync until it is asked to stop."""
    config = load(SyncConfig)
    ring, clock = load_key_ring(config.sealing_keys_file), RealClock()
    policy, budget = puller_policy(config), run_budget(config)
    with telemetry("sync", config):
        async with (
            pooled("sync", config) as database,
            OutboundClient(outbound_policy(config)) as http,
        ):
            pages, locks = PageStore(database), LockStore(database)
            sessions = SessionStore(database, config.worker, lease_seconds=config.lease_seconds)
            graph = Graph(http, config.graph_url)
            puller = Puller(sessions, pages, graph, ring, clock, policy, stopping=stopping)
            background = Background(
                sessions, puller, budget, concurrent_max=config.background_runs_concurrent_max
            )
            health = HealthCheck(
                pages,
                graph,
                ring,
                clock,
                every_seconds=config.check_every_seconds,
                silence_seconds=config.silence_seconds,
                pace=policy.pace,
                started=background.wake.set,
            )
            service = SyncService(
                pages=pages,
                sessions=sessions,
                locks=locks,
                conversations=ConversationStore(database),
                puller=puller,
                budget=budget,
                ring=ring,
                scheduled=background.wake,
                connected=health.wake,
            )
            async with (
                looping(stopping, drain_seconds=config.drain_seconds) as loops,
                serving(config, ACCESS, [sync_served(service), trace_served(database, "sync")]),
            ):
                loops.start(background.run(stopping, poll_seconds=config.poll_seconds))
                loops.start(health.run(stopping, poll_seconds=config.poll_seconds))
                loops.start(all_periodically(sweeps(sessions, locks, config), stopping))
                loops.start(all_periodically(chassis_sweeps(database, config), stopping))
                await stopping.wait()


def outbound_policy(config: SyncConfig) -> OutboundPolicy:
    """What calls to the Graph API may reach."""
    return OutboundPolicy(
        allowed_networks=tuple(map(ip_network, config.outbound_allowed_networks)),
        http_hosts=frozenset(config.outbound_http_hosts),
        response_bytes_max=config.graph_response_bytes_max,
        total_seconds_max=config.graph_timeout_seconds,
    )


def puller_policy(config: SyncConfig) -> PullerPolicy:
    """The puller's bounds."""
    return PullerPolicy(
        list_limit=config.list_conversations_max,
        overlap_seconds=config.overlap_seconds,
        pace=CallPace(
            interval_seconds=config.call_interval_seconds,
            slow_percent=config.usage_slow_percent_min,
            stop_percent=config.usage_stop_percent_min,
            slow_factor=config.slow_factor,
            wait_seconds_max=config.call_wait_seconds_max,
        ),
    )


def run_budget(config: SyncConfig) -> PullBudget:
    """What one run may use."""
    return PullBudget(
        seconds=config.run_seconds_max,
        calls=config.run_calls_max,
        new_rows=config.run_new_rows_max,
    )


def sweeps(sessions: SessionStore, locks: LockStore, config: SyncConfig) -> list[Task]:
    """Sync's periodic tasks."""

    async def cleanup(traceparent: str) -> int | None:
        return await locks.cleanup_expired_locks(
            limit=1000, every_seconds=config.cleanup_every_seconds, traceparent=traceparent
        )

    async def schedule(traceparent: str) -> int | None:
        return await sessions.schedule_incremental_syncs(
            session_every_seconds=config.incremental_every_seconds,
            limit=1000,
            every_seconds=config.cleanup_every_seconds,
            traceparent=traceparent,
        )

    return [
        Task(name="cleanup_expired_locks", every_seconds=config.cleanup_every_seconds, run=cleanup),
        Task(
            name="schedule_incremental_syncs",
            every_seconds=config.cleanup_every_seconds,
            run=schedule,
        ),
    ]


if __name__ == "__main__":
    run(main)
