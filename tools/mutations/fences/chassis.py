"""Fences of the chassis's functions, and the tests that must notice when one is gone."""

from typing import Final

from tools.mutations.mutation import without_text

CHASSIS: Final = "tests/schema/chassis/"
DELIVERY: Final = "tests/schema/delivery/"

FENCES: Final = (
    without_text(
        "ingest.lock_due_outbox",
        "\n      and (o.claim_expires_at is null or o.claim_expires_at <= p_now)"
        "\n    order by o.due_at\n    limit p_limit\n    for update skip locked;",
        CHASSIS + "test_outbox.py::test_a_claimed_row_is_due_again_when_its_lease_ran_out",
        new="\n    order by o.due_at\n    limit p_limit\n    for update skip locked;",
    ),
    without_text(
        "ingest.lock_due_outbox",
        "\n      and (o.claim_expires_at is null or o.claim_expires_at <= p_now)"
        "\n    order by o.due_at\n    limit c.share",
        CHASSIS + "test_outbox.py::test_a_backlog_is_claimed_once_a_part_at_a_time",
        new="\n    order by o.due_at\n    limit c.share",
    ),
    without_text(
        "ingest.lock_due_outbox",
        "\n    and (o.claim_expires_at is null or o.claim_expires_at <= p_now)"
        "\n    and o.outbox_id <> all",
        CHASSIS + "test_outbox.py::test_a_backlog_is_claimed_once_a_part_at_a_time",
        new="\n    and o.outbox_id <> all",
    ),
    without_text(
        "ingest.settle_outbox",
        "o.claim_token = p_token\n        and ",
        CHASSIS + "test_outbox.py::test_a_relay_that_lost_its_lease_settles_nothing",
    ),
    without_text(
        "ingest.settle_outbox",
        "and o.claim_expires_at > p_now",
        CHASSIS + "test_outbox.py::test_a_relay_that_comes_back_after_its_lease_settles_nothing",
    ),
    without_text(
        "delivery.begin_request",
        "v_before.content_hash <> p_content_hash",
        DELIVERY + "test_grant_credits.py::test_a_request_id_with_other_content_is_refused",
        new="false",
    ),
)
