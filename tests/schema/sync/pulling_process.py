"""A puller as a process of its own, which kills itself (-9) at a checkpoint: for crash tests.

    python -m tests.schema.sync.pulling_process DATABASE_URL GRAPH_URL ORG PAGE EXTERNAL_ID
        RESUME|- CHECKPOINT before|after

Prints the session's id before it begins, and each checkpoint's phase.
"""

import asyncio
import os
import signal
import sys
from ipaddress import ip_network
from uuid import UUID

from services.chassis.database import pooled
from services.chassis.ids import new_id
from services.chassis.outbound.client import OutboundClient, OutboundPolicy
from services.chassis.trace import new_root
from services.sync.clock import RealClock
from services.sync.graph import Graph
from services.sync.page_tokens import PageTokens
from services.sync.position import Position
from services.sync.puller import Puller
from services.sync.records.pulls import (
    CallPace,
    Checkpoint,
    PullBudget,
    PulledBatch,
    PullerPolicy,
    SyncRun,
)
from services.sync.store.pages import PageStore
from services.sync.store.sessions import SessionStore
from tests.conftest import config_for
from tests.schema.sync.builders import RING

QUICK = PullerPolicy(list_limit=4, pace=CallPace(interval_seconds=0.001))


class Killing(SessionStore):
    """Ends the process before or after the checkpoint of that number."""

    kill_at = 0
    when = "after"
    saved = 0

    async def save_sync_page(
        self, run: SyncRun, version: int, position: Position, rows: PulledBatch
    ) -> Checkpoint:
        self.saved += 1
        if self.saved == self.kill_at and self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        saved = await super().save_sync_page(run, version, position, rows)
        sys.stdout.write(f"{position.shown_phase}\n")
        sys.stdout.flush()
        if self.saved == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return saved


async def main(arguments: list[str]) -> None:
    database_url, graph_url, org, page, external_id, resume, checkpoint, when = arguments
    policy = OutboundPolicy(
        allowed_networks=(ip_network("127.0.0.0/8"),),
        http_hosts=frozenset({"127.0.0.1"}),
        response_bytes_max=4 * 1024 * 1024,
    )
    async with (
        pooled("sync", config_for(database_url)) as database,
        OutboundClient(policy) as http,
    ):
        store = Killing(database, "crashing", lease_seconds=5)
        store.kill_at, store.when = int(checkpoint), when
        run = await store.start_sync(
            org_id=UUID(org),
            page_id=UUID(page),
            facebook_page_id=external_id,
            resume_session=None if resume == "-" else UUID(resume),
            session_id=new_id(),
            token=new_id(),
            traceparent=new_root().traceparent,
        )
        sys.stdout.write(f"{run.session_id}\n")
        sys.stdout.flush()
        puller = Puller(
            store, PageStore(database), Graph(http, graph_url), PageTokens(RING), RealClock(), QUICK
        )
        await puller.run(run, PullBudget(seconds=60, calls=1000, new_rows=10**6))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
