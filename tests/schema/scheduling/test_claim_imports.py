"""claim_imports: due imports of all tenants, those due longest first."""

from datetime import timedelta
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.builders import NOW, a_calendar, an_import, later

TOMORROW = NOW + timedelta(days=1)


async def test_a_claimed_import_is_not_claimed_again_within_its_lease(
    scheduling_db: Database,
) -> None:
    ids = []
    for _ in range(2):
        org_id = uuid4()
        calendar_id = await a_calendar(scheduling_db, org_id)
        ids.append(await an_import(scheduling_db, org_id, calendar_id, TOMORROW))

    async def claim(minutes: float, limit: int = 10) -> list[UUID]:
        rows = await scheduling_db.rows(
            "claim_imports", p_token=uuid4(), p_limit=limit, p_lease_seconds=60.0,
            p_now=later(minutes),
        )  # fmt: skip
        return [row["import_id"] for row in rows]

    assert await claim(14) == []
    (first,) = await claim(15, limit=1)
    (second,) = await claim(15)
    assert {first, second} == set(ids)
    assert await claim(15.5) == []
    assert set(await claim(16)) == set(ids)
