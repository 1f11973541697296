"""A batch of failed leads has an outcome for each."""

from uuid import uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.routing.builders import NOW, RECORD, Admin, acquire, later, leads, status_of


async def test_a_batch_of_failures_has_an_outcome_for_each_lead(
    routing_db: Database, admin: Admin
) -> None:
    org_id, token = uuid4(), new_id()
    first, second = await leads(routing_db, org_id, 2)
    await acquire(routing_db, token=token)
    lead_ids = [first, second, uuid4()]
    rows = await routing_db.rows(
        "fail_routings",
        p_org_ids=[org_id] * 3,
        p_lead_ids=lead_ids,
        p_token=token,
        p_outcomes=["no_match", "error", "error"],
        p_errors=["NO_MATCH", "RULES_FAILED", "RULES_FAILED"],
        p_records=[RECORD] * 3,
        p_attempt_traceparents=[new_root().traceparent for _ in lead_ids],
        p_now=NOW,
    )
    outcomes = {row["lead_id"]: (row["outcome"], row["next_retry_at"]) for row in rows}
    retry = ("retry", later(minutes=1))
    assert outcomes == {first: retry, second: retry, lead_ids[2]: ("lost", None)}
    assert await status_of(admin, second) == "failed"
    errors = await admin.fetch("select lead_id, error from routing.lead_routing_queue")
    assert {tuple(row) for row in errors} == {(first, "NO_MATCH"), (second, "RULES_FAILED")}
