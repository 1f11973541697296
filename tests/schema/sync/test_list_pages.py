"""The org's pages by id."""

from uuid import uuid4

from services.chassis.database import Database
from services.sync.store.pages import PageStore
from tests.schema.sync.builders import (
    ORG,
    a_page,
)


async def test_pages_are_listed_by_id_and_one_is_found(sync_db: Database) -> None:
    store = PageStore(sync_db)
    made = sorted([await a_page(sync_db, ORG) for _ in range(3)])
    await a_page(sync_db, uuid4())
    assert [each.page_id for each in await store.list_pages(ORG, 2)] == made[:2]
    assert [each.page_id for each in await store.list_pages(ORG, 2, made[1])] == made[2:]
    (page,) = await store.list_pages(ORG, 9, page_id=made[1])
    assert (page.page_id, page.token_status) == (made[1], "unknown")
