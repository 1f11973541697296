"""What processes hold, and stopping one at a moment when it holds something."""

import os
import signal
from typing import Final

from tests.chaos.customer_rows import CustomerRows
from tests.system.waiting import until

# Tokens of the claims that processes of a service hold; $1 is the org.
CLAIMS: Final = {
    "ingest": """
        select claim_token from ingest.webhook_items
        where org_id = $1 and claim_expires_at > now()
        union
        select claim_token from ingest.outbox where org_id = $1 and claim_expires_at > now()""",
    "routing": """
        select routing_lock_token from routing.leads
        where org_id = $1 and routing_lock_expires_at > now()
        union
        select claim_token from routing.outbox where org_id = $1 and claim_expires_at > now()""",
    "delivery": """
        select claim_token from delivery.deliveries
        where org_id = $1 and claim_expires_at > now()""",
}


async def held(customer_rows: CustomerRows, service: str) -> set[object]:
    """Tokens of the claims that processes of the service hold."""
    return {row[0] for row in await customer_rows.rows(CLAIMS[service])}


async def stalled_with_claims(
    customer_rows: CustomerRows, process: int, service: str
) -> set[object]:
    """Stops the process (SIGSTOP) at a moment when it holds claims; answers their tokens."""

    async def stalled() -> set[object] | None:
        os.kill(process, signal.SIGSTOP)
        if tokens := await held(customer_rows, service):
            return tokens
        os.kill(process, signal.SIGCONT)
        return None

    # Step by step, so that a short piece of work is not over between two looks.
    return await until(stalled, poll_seconds=0.01)
