"""list_services: pages, oldest first."""

from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.builders import a_calendar, a_service, trace


async def test_pages_put_together_are_the_whole_list(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    made = [await a_service(scheduling_db, org_id, [calendar_id]) for _ in range(3)]

    async def pages(org_id: UUID, **more: Any) -> list[str]:
        found: list[str] = []
        after: dict[str, Any] = {}
        while rows := await scheduling_db.rows(
            "list_services", p_org_id=org_id, p_limit=2, **more, **after
        ):
            found += [row["service"]["service_id"] for row in rows]
            after = {"p_after": UUID(found[-1])}
        return found

    assert await pages(org_id) == [str(each) for each in made]
    await scheduling_db.value(
        "archive_service", p_org_id=org_id, p_service_id=made[0], p_traceparent=trace()
    )
    assert await pages(org_id) == [str(each) for each in made[1:]]
    assert await pages(uuid4()) == []
