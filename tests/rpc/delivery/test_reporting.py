"""What a buyer answered is reported back although the database is away for a moment."""

from collections.abc import Callable, Sequence
from uuid import UUID

from deploy.local.keys import Keys
from services.chassis.database import Database
from services.chassis.errors import unavailable
from services.chassis.loops import Stopping
from services.chassis.outbound.client import OutboundClient
from services.chassis.sealing import load_key_ring
from services.delivery.dispatcher import Dispatcher, DispatcherPolicy
from services.delivery.endpoint_secrets import EndpointSecrets
from services.delivery.records import Report
from services.delivery.store.claims import ClaimStore
from services.delivery.webhook_client import WebhookClient
from tests.rpc.delivery.world import OUTBOUND, TERMS, Buyer, SendingWorld


class Flaky(ClaimStore):
    """Cannot be reached for the first report, and loses the answer to the second."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, TERMS)
        self.reports = 0

    async def finish_deliveries(self, reports: Sequence[Report]) -> dict[UUID, str]:
        self.reports += 1
        if self.reports == 1:
            raise unavailable("away")
        outcomes = await super().finish_deliveries(reports)
        if self.reports == 2:
            raise unavailable("away after the commit")
        return outcomes


async def test_a_delivered_lead_is_reported_through_an_outage_and_paid_for_once(
    world: SendingWorld, buyer: Callable[[str], Buyer], keys: Keys, delivery_db: Database
) -> None:
    acme, store = buyer("acme"), Flaky(delivery_db)
    workspace = await world.a_workspace(acme.url, credits=2)
    delivery_id = await workspace.a_delivery()
    async with OutboundClient(OUTBOUND) as client:
        webhooks = WebhookClient(client, EndpointSecrets(load_key_ring(keys.sealing_file)))
        async with Dispatcher(store, webhooks, Stopping(), DispatcherPolicy()) as dispatcher:
            await dispatcher.step()
    assert store.reports == 3
    assert len(await acme.received(1)) == 1
    assert (await workspace.get_delivery(delivery_id)).delivery.status == "DELIVERED"
    assert await workspace.balance() == (1, 0, 1)
