"""A failover of the database in mid-flow, as `waybill verify` sees it at once."""

import asyncio

from deploy.local.sample_customer import Customer
from deploy.local.stack import Stack
from tests.chaos.customer_rows import CustomerRows, waybill
from tests.chaos.lead_load import LeadLoad
from tests.sampling import SEEDS

LEADS = 20
END_ALL = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where usename like 'waybill%' and $1::uuid is not null"""


async def test_verify_cries_no_wolf_after_a_failover(
    stack: Stack, customer: Customer, lead_load: LeadLoad, customer_rows: CustomerRows
) -> None:
    for done in range(len(SEEDS)):
        async with asyncio.TaskGroup() as group:
            group.create_task(lead_load.send(LEADS))
            await lead_load.accepts(LEADS * done + LEADS // 2)
            assert await customer_rows.rows(END_ALL)
        code, output = await waybill(stack, customer, "verify")
        assert code == 0, output
    await customer_rows.check_consistency(LEADS * len(SEEDS))
