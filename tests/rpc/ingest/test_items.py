"""Lead items, from the webhook over the Graph API to a lead, with the faults in between."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from sandbox.fault_proxy import Refuse, Reset
from sandbox.meta_webhooks import LeadChange, PageMessage, leadgen, messenger_text
from services.chassis.database import Database
from services.chassis.errors import unavailable
from services.chassis.loops import Stopping, Wake
from services.ingest.item_readers import MessageReader
from services.ingest.item_worker import ItemWorker
from services.ingest.lead_writer import lead_writer
from services.ingest.records.leads import IncomingLead, LeadToStore, StoredLead
from services.ingest.records.webhooks import LEADGEN, MESSAGE, ClaimedItem, ReadFault
from services.ingest.store import IngestStore
from services.ingest.webhook_priority import WebhookPriority
from tests.rpc.chassis.recording import recording
from tests.rpc.ingest.conftest import PAGE_TOKEN, Ingest, Tenant, config_of, step
from waybill.ingest.v1.ingest_service_pb2 import (
    ListSourcesRequest,
    ListWebhookItemsRequest,
    ReplayWebhookItemRequest,
    UpdateSourceRequest,
)

Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
LEAD_ID = 900100
OTHER_PAGE = "700100200301"


async def control(ingest: Ingest, method: str, path: str, body: Any = None) -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{ingest.graph_url}/_control/{path}", json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()
        return await answer.json()


@pytest.fixture(autouse=True)
async def tenant(ingest: Ingest) -> Tenant:
    """An org whose page has one lead at the platform."""
    made = await ingest.tenant()
    await ingest.source(made)
    data = [
        {"name": "phone_number", "values": ["0171 2345678"]},
        {"name": "models", "values": ["a", "b"]},
    ]
    consents = [{"checkbox_key": "news", "is_checked": ""}]
    body = {"field_data": data, "custom_disclaimer_responses": consents}
    await control(ingest, "PUT", f"leads/{LEAD_ID}", body)
    return made


async def arrives(ingest: Ingest, lead_id: int = LEAD_ID) -> None:
    answer = await ingest.post(leadgen(LeadChange(leadgen_id=lead_id)))
    assert answer.status == 200


async def item(admin: Admin) -> Any:
    row = await admin.fetchrow("select * from ingest.webhook_items")
    assert row is not None
    return row


async def faulty(ingest: Ingest, fault: dict[str, Any], times: int = 1) -> None:
    await control(ingest, "PUT", "faults", {"id": "*", "times": times, "is": fault})


async def due_now(admin: Admin) -> None:
    await admin.execute("update ingest.webhook_items set due_at = now()")


async def test_a_lead_is_fetched_with_every_answer_and_consent(
    ingest: Ingest, admin: Admin
) -> None:
    await arrives(ingest)
    await ingest.work()
    lead = await admin.fetchrow("select * from ingest.leads")
    assert lead is not None
    assert (lead["phone"], lead["phone_raw"]) == ("+491712345678", "0171 2345678")
    assert '"values": ["a", "b"]' in lead["answers"]
    assert lead["consents"] == '{"news": false}'
    row = await item(admin)
    assert (row["status"], row["lead_id"]) == ("stored", lead["lead_id"])
    assert lead["trace_id"] == row["trace_id"]
    handoff = await admin.fetchrow("select * from ingest.outbox")
    assert handoff is not None
    assert (handoff["subject_id"], handoff["trace_id"]) == (lead["lead_id"], row["trace_id"])


async def test_a_lead_that_comes_twice_is_fetched_once(ingest: Ingest, admin: Admin) -> None:
    await arrives(ingest)
    await arrives(ingest)
    await ingest.work()
    await arrives(ingest)
    await ingest.work()
    assert await admin.fetchval("select count(*) from ingest.leads") == 1
    calls = await control(ingest, "GET", "calls")
    assert len(calls["calls"]) == 1
    statuses = [row["status"] for row in await admin.fetch("select * from ingest.webhook_items")]
    assert sorted(statuses) == ["duplicate", "duplicate", "stored"]


@pytest.mark.parametrize(
    ("fault", "reason", "seconds"),
    [
        ({"fault": "rate_limit", "minutes": 10}, "graph limit 80005", 600),
        ({"fault": "error", "status": 500, "code": 2}, "graph answered 500 (2/None)", 2),
        ({"fault": "error", "status": 400, "code": 190}, "graph token refused (190/None)", 2),
        ({"fault": "reset"}, "graph unreachable", 2),
    ],
)
async def test_a_fault_of_the_graph_api_is_waited_out(
    ingest: Ingest, admin: Admin, fault: dict[str, Any], reason: str, seconds: float
) -> None:
    # A reset GET is sent again by the HTTP client itself, once.
    await faulty(ingest, fault, times=2 if fault["fault"] == "reset" else 1)
    await arrives(ingest)
    await ingest.work()
    row = await item(admin)
    assert row["status"] == "failed"
    assert row["reason"].startswith(reason)
    assert row["attempts"] == 1
    waits = row["due_at"] - row["claimed_at"]
    assert seconds <= waits.total_seconds() < seconds + 5
    await due_now(admin)
    await ingest.work()
    row = await item(admin)
    assert (row["status"], row["attempts"]) == ("stored", 2)


async def test_an_unknown_lead_is_a_fault_of_the_connection_and_tried_again(
    ingest: Ingest, admin: Admin
) -> None:
    await arrives(ingest, 900999)
    await ingest.work()
    row = await item(admin)
    assert (row["status"], row["reason"]) == ("failed", "graph answered 400 (100/33)")


async def test_a_request_that_is_refused_for_good_is_a_dead_letter_that_can_be_replayed(
    ingest: Ingest, admin: Admin, tenant: Tenant
) -> None:
    await faulty(ingest, {"fault": "error", "status": 400, "code": 100})
    await arrives(ingest)
    await ingest.work()
    row = await item(admin)
    assert row["status"] == "dead_letter"
    listing = ListWebhookItemsRequest(status="dead_letter")
    listed = await ingest.call("ListWebhookItems", listing, tenant.token)
    assert [UUID(each.item_id) for each in listed.items] == [row["item_id"]]
    request = ReplayWebhookItemRequest(item_id=str(row["item_id"]))
    replayed = await ingest.call("ReplayWebhookItem", request, tenant.token)
    assert replayed.item.status == "pending"
    await ingest.work()
    assert (await item(admin))["status"] == "stored"


async def test_a_lead_of_a_page_without_token_waits_for_one(ingest: Ingest, admin: Admin) -> None:
    await admin.execute("update ingest.sources set access_token_ciphertext = null")
    await arrives(ingest)
    await ingest.work()
    assert (await item(admin))["reason"] == "the source has no access token"


async def test_a_page_whose_token_died_gets_a_new_one(
    ingest: Ingest, admin: Admin, tenant: Tenant
) -> None:
    listed = await ingest.call("ListSources", ListSourcesRequest(), tenant.token)
    source_id = next(each.source_id for each in listed.sources if each.kind == "meta_page")
    dead = UpdateSourceRequest(source_id=source_id, access_token="died")
    await ingest.call("UpdateSource", dead, tenant.token)
    await arrives(ingest)
    await ingest.work()
    assert (await item(admin))["reason"].startswith("graph token refused")
    request = UpdateSourceRequest(source_id=source_id, name="Shop", access_token=PAGE_TOKEN)
    changed = await ingest.call("UpdateSource", request, tenant.token)
    assert (changed.source.name, changed.source.default_region) == ("Shop", "DE")
    assert PAGE_TOKEN not in str(changed)
    await due_now(admin)
    await ingest.work()
    assert (await item(admin))["status"] == "stored"


async def test_a_token_sealed_for_another_row_is_not_used(ingest: Ingest, admin: Admin) -> None:
    await admin.execute("update ingest.sources set access_token_ciphertext = '\\x00000000'")
    await arrives(ingest)
    await ingest.work()
    row = await item(admin)
    assert row["reason"] == "the source's access token cannot be unsealed"
    assert (await control(ingest, "GET", "calls"))["calls"] == []


async def test_an_item_that_breaks_its_reader_harms_no_other(ingest: Ingest, admin: Admin) -> None:
    for mid in ("m_1", "m_2", "m_3"):
        await ingest.post(messenger_text(PageMessage(mid=mid, person_id=mid)))
    await admin.execute(
        "update ingest.webhook_items set payload = '{\"message\": 7}' where external_id = 'm_2'"
    )
    await ingest.work()
    rows = await admin.fetch("select * from ingest.webhook_items order by external_id")
    assert [row["status"] for row in rows] == ["stored", "dead_letter", "stored"]
    assert rows[1]["reason"].startswith("malformed")


async def test_an_item_that_cannot_be_written_harms_no_other(ingest: Ingest, admin: Admin) -> None:
    await admin.execute(
        "alter table ingest.messages add constraint no_third check (external_id <> 'm_3')"
    )
    for mid in ("m_1", "m_2", "m_3", "m_4"):
        await ingest.post(messenger_text(PageMessage(mid=mid, person_id=mid)))
    assert await step(ingest.messages) == 4
    rows = await admin.fetch("select * from ingest.webhook_items order by external_id")
    assert [row["status"] for row in rows] == ["stored", "stored", "failed", "stored"]
    assert rows[2]["reason"] == "CheckViolationError"


async def test_work_goes_on_after_the_database_was_away(ingest: Ingest, admin: Admin) -> None:
    await arrives(ingest)
    ingest.database.fault = Reset()
    ingest.database.fault = Refuse()
    with pytest.RaisesGroup(pytest.RaisesExc(match="UNAVAILABLE")):
        await step(ingest.leads)
    ingest.database.fault = None
    await ingest.work()
    assert (await item(admin))["status"] == "stored"


async def test_every_try_has_a_trace_of_its_own_and_a_retry_is_a_new_root(
    ingest: Ingest, admin: Admin
) -> None:
    await faulty(ingest, {"fault": "error", "status": 500})
    await arrives(ingest)
    await ingest.work()
    await due_now(admin)
    await ingest.work()
    rows = await admin.fetch("select * from ingest.item_attempts order by number")
    item_trace = (await item(admin))["trace_id"]
    assert [row["outcome"] for row in rows] == ["retry", "stored"]
    assert {row["trace_id"] for row in rows} == {item_trace}
    assert rows[0]["attempt_trace_id"] == item_trace
    assert rows[1]["attempt_trace_id"] not in (None, item_trace)


async def test_an_item_without_an_id_is_a_dead_letter_and_calls_no_one(
    ingest: Ingest, admin: Admin
) -> None:
    await arrives(ingest)
    await arrives(ingest)
    await ingest.post(messenger_text(PageMessage(mid="m_1", person_id="1")))
    await admin.execute("update ingest.webhook_items set external_id = null")
    await ingest.work()
    rows = await admin.fetch("select status, reason from ingest.webhook_items")
    assert {(row["status"], row["reason"]) for row in rows} == {
        ("dead_letter", "malformed: no leadgen_id"),
        ("dead_letter", "malformed: no message id"),
    }
    assert (await control(ingest, "GET", "calls"))["calls"] == []


async def test_hanging_calls_of_one_tenant_hold_up_no_other(ingest: Ingest, admin: Admin) -> None:
    other = await ingest.tenant()
    await ingest.source(other, external_id=OTHER_PAGE)
    hanging = range(LEAD_ID + 1, LEAD_ID + 21)
    for lead_id in hanging:
        fault = {"id": str(lead_id), "times": 1, "is": {"fault": "delay"}}
        await control(ingest, "PUT", "faults", fault)
        await arrives(ingest, lead_id)
    async with asyncio.TaskGroup() as tries:
        assert await ingest.leads.step(tries) == 8
        change = LeadChange(leadgen_id=LEAD_ID, page_id=int(OTHER_PAGE))
        await ingest.post(leadgen(change))
        assert await ingest.leads.step(tries) == 1
        # Set by whoever leaves; the others cannot.
        await ingest.leads.wake.wait(10)
        rows = await admin.fetch("select * from ingest.webhook_items where status = 'stored'")
        assert [row["org_id"] for row in rows] == [other.org_id]
        await control(ingest, "POST", "release")


class NeverReads:
    """A reader whose peer never answers."""

    def __init__(self) -> None:
        self.reads = asyncio.Event()

    async def duplicates(self, items: Sequence[ClaimedItem]) -> set[UUID]:
        """None."""
        return set()

    async def read(self, item: ClaimedItem) -> IncomingLead | ReadFault:
        """Nothing, ever."""
        self.reads.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


class ReadsWhenTold:
    """A reader of messages that waits for the test."""

    def __init__(self) -> None:
        self.told = asyncio.Event()
        self._reader = MessageReader()

    async def duplicates(self, items: Sequence[ClaimedItem]) -> set[UUID]:
        """None."""
        return set()

    async def read(self, item: ClaimedItem) -> IncomingLead | ReadFault:
        """The message, once the test lets it go on."""
        await self.told.wait()
        return await self._reader.read(item)


async def test_what_comes_in_while_claims_are_open_waits_for_one_to_end_and_is_claimed_together(
    ingest: Ingest, admin: Admin, tmp_path: Path
) -> None:
    async def comes(mid: str) -> None:
        await ingest.post(messenger_text(PageMessage(mid=mid, person_id=mid)))

    config, reader = config_of(tmp_path, ingest.signer, ""), ReadsWhenTold()
    async with lead_writer(ingest.store, config, Wake()) as writer, asyncio.TaskGroup() as tries:
        worker = ItemWorker(
            MESSAGE, reader, store=ingest.store, writer=writer, config=config,
            concurrent_max=100, claims_concurrent_max=2,
        )  # fmt: skip
        for mid in ("m_1", "m_2"):
            await comes(mid)
            assert await worker.step(tries) == 1
        for mid in ("m_3", "m_4"):
            await comes(mid)
            assert await worker.step(tries) == 0
        reader.told.set()
        # Set by the claim that ends.
        await worker.wake.wait(10)
        assert await worker.step(tries) == 2
    stored = await admin.fetchval(
        "select count(*) from ingest.webhook_items where status = 'stored'"
    )
    assert stored == 4


async def test_an_item_claimed_again_while_its_stalled_try_goes_on_is_stored_once(
    ingest: Ingest, admin: Admin, tmp_path: Path
) -> None:
    config, reader = config_of(tmp_path, ingest.signer, ""), ReadsWhenTold()
    await ingest.post(messenger_text(PageMessage(mid="m_1", person_id="1")))
    async with lead_writer(ingest.store, config, Wake()) as writer:
        worker = ItemWorker(
            MESSAGE, reader, store=ingest.store, writer=writer, config=config, concurrent_max=2
        )
        async with asyncio.TaskGroup() as tries:
            assert await worker.step(tries) == 1
            await admin.execute("update ingest.webhook_items set claim_expires_at = now()")
            assert await worker.step(tries) == 1
            # There is room for two, and both tries take some.
            assert await worker.step(tries) == 0
            reader.told.set()
        await ingest.post(messenger_text(PageMessage(mid="m_2", person_id="2")))
        assert await step(worker) == 1
    assert await admin.fetchval("select count(*) from ingest.leads") == 2
    attempts = await admin.fetch("select outcome from ingest.item_attempts order by started_at")
    assert [row["outcome"] for row in attempts] == ["interrupted", "stored", "stored"]


class Asked(WebhookPriority):
    """Notes what it answered."""

    def __init__(self) -> None:
        super().__init__(deferrals_max=3)
        self.answers: list[bool] = []
        self.deferred, self.admitted = asyncio.Event(), asyncio.Event()

    def may_claim(self, wake: Wake) -> bool:
        """As it does."""
        self.answers.append(super().may_claim(wake))
        (self.admitted if self.answers[-1] else self.deferred).set()
        return self.answers[-1]


async def test_a_claim_that_webhooks_defer_is_made_in_the_end(
    ingest: Ingest, admin: Admin, tmp_path: Path
) -> None:
    config, priority, stopping = config_of(tmp_path, ingest.signer, ""), Asked(), Stopping()
    await ingest.post(messenger_text(PageMessage(mid="m_1", person_id="1")))
    priority.on_commit(waiting_webhooks=1)
    async with lead_writer(ingest.store, config, Wake()) as writer:
        worker = ItemWorker(
            MESSAGE, MessageReader(), store=ingest.store, writer=writer, config=config,
            concurrent_max=100, priority=priority,
        )  # fmt: skip
        running = asyncio.create_task(worker.run(stopping))
        while (await item(admin))["status"] != "stored":
            worker.wake.set()
        stopping.set()
        await running
    assert priority.answers[:4] == [False, False, False, True]


async def test_a_deferred_claim_is_made_as_soon_as_no_webhook_waits(
    ingest: Ingest, admin: Admin, tmp_path: Path
) -> None:
    # No poll comes in time: only the end of the commit wakes the worker.
    config = config_of(tmp_path, ingest.signer, "", poll_seconds=3600)
    priority, stopping = Asked(), Stopping()
    await ingest.post(messenger_text(PageMessage(mid="m_1", person_id="1")))
    priority.on_commit(waiting_webhooks=1)
    async with lead_writer(ingest.store, config, Wake()) as writer, asyncio.timeout(30):
        worker = ItemWorker(
            MESSAGE, MessageReader(), store=ingest.store, writer=writer, config=config,
            concurrent_max=100, priority=priority,
        )  # fmt: skip
        running = asyncio.create_task(worker.run(stopping))
        await priority.deferred.wait()
        priority.on_commit(waiting_webhooks=0)
        await priority.admitted.wait()
        stopping.set()
        await running
    assert (await item(admin))["status"] == "stored"


async def test_the_line_of_an_item_says_whether_its_contact_was_new(
    ingest: Ingest, tmp_path: Path
) -> None:
    config = config_of(tmp_path, ingest.signer, "")
    said_new = []
    async with lead_writer(ingest.store, config, Wake()) as writer:
        worker = ItemWorker(
            MESSAGE, MessageReader(), store=ingest.store, writer=writer, config=config,
            concurrent_max=1,
        )  # fmt: skip
        for mid in ("m_1", "m_2"):
            await ingest.post(messenger_text(PageMessage(mid=mid, person_id="1")))
            with recording() as said:
                assert await step(worker) == 1
            said_new.append(said.line("attempt")["contact_is_new"])
    assert said_new == [True, False]


class Flaky(IngestStore):
    """Cannot be reached for the first lead, and loses the answer to the second."""

    writes = 0

    async def create_leads_with_conversations(
        self, leads: Sequence[LeadToStore]
    ) -> dict[UUID, StoredLead]:
        self.writes += 1
        if self.writes == 1:
            raise unavailable("away")
        outcomes = await super().create_leads_with_conversations(leads)
        if self.writes == 2:
            raise unavailable("away after the commit")
        return outcomes


async def test_a_lead_that_was_read_is_stored_through_an_outage_once(
    ingest: Ingest, ingest_db: Database, admin: Admin, tmp_path: Path
) -> None:
    config, store = config_of(tmp_path, ingest.signer, ""), Flaky(ingest_db)
    await ingest.post(messenger_text(PageMessage(mid="m_1", person_id="1")))
    async with lead_writer(store, config, Wake()) as writer:
        worker = ItemWorker(
            MESSAGE, MessageReader(), store=store, writer=writer, config=config, concurrent_max=1
        )
        assert await step(worker) == 1
    assert store.writes == 3
    assert await admin.fetchval("select count(*) from ingest.leads") == 1
    assert (await item(admin))["status"] == "stored"
    repeats = await admin.fetch("select call, repeat_count from ingest.repeats")
    assert [tuple(row) for row in repeats] == [("create_leads_with_conversations", 1)]


async def test_interrupted_work_is_returned_with_the_attempt_unspent(
    ingest: Ingest, admin: Admin, tmp_path: Path
) -> None:
    config = config_of(tmp_path, ingest.signer, "")
    reader = NeverReads()
    await arrives(ingest)
    async with lead_writer(ingest.store, config, Wake()) as writer:
        worker = ItemWorker(
            LEADGEN, reader, store=ingest.store, writer=writer, config=config, concurrent_max=1
        )
        running = asyncio.create_task(worker.run(Stopping()))
        await reader.reads.wait()
        assert (await item(admin))["attempts"] == 1
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    row = await item(admin)
    assert (row["status"], row["attempts"], row["claim_token"]) == ("pending", 0, None)
