"""Our own outages: what comes meanwhile is refused, sent again, and taken."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.ports import free_port
from deploy.local.sample_customer import Customer
from deploy.local.stack import Options, Stack, running_stack
from sandbox.meta_json import meta_bytes
from sandbox.meta_webhooks import whatsapp_text
from tests.system.conftest import discard
from tests.system.waiting import until
from tests.system.webhooks import a_text, post


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A system of its own: the edge may see an outage, and its end, when this test is over."""
    folder = tmp_path_factory.mktemp("outage")
    async with running_stack(folder, Options(edge_port=free_port()), discard) as started:
        yield started


async def test_while_the_database_is_down_503_and_the_same_webhook_is_taken_later(
    stack: Stack, customer: Customer
) -> None:
    body = whatsapp_text(a_text(customer))
    assert (await post(stack, customer, meta_bytes({"object": "page"}))).status == 200
    await stack.postgres.kill()
    try:
        assert (await post(stack, customer, body)).status == 503
    finally:
        await stack.postgres.start()

    async def taken() -> bool:
        return (await post(stack, customer, body)).status == 200

    assert await until(taken)

    async def stored() -> bool:
        listed = await customer.api.get("/api/leads")
        return len(listed["leads"]) == 1

    assert await until(stored)
