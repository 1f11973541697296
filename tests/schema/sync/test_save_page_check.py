"""What a check of a page found, and the session that a gap starts."""

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.sync.store.pages import PageStore
from tests.schema.sync.builders import (
    NOW,
    ORG,
    a_page,
)


async def test_a_gap_starts_one_session_but_not_at_the_first_check(sync_db: Database) -> None:
    await a_page(sync_db, ORG)
    pages = PageStore(sync_db)
    (page,) = await pages.claim_pages_to_check(9, 60)
    assert await pages.claim_pages_to_check(9, 60) == []

    async def found_gap() -> bool:
        return await pages.save_page_check(
            page,
            subscription_status="repaired",
            error=None,
            token_status="good",
            gap=True,
            due_at=NOW,
            session_id=new_id(),
            traceparent=new_root().traceparent,
        )

    assert [await found_gap() for _ in range(3)] == [False, True, False]
