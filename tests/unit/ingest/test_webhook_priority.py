"""Webhooks that wait go first, and work on stored items goes on."""

from services.chassis.loops import Wake
from services.ingest.config import IngestConfig
from services.ingest.webhook_priority import WebhookPriority


class CountedWake(Wake):
    """Counts how often it was set."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def set(self) -> None:
        """As it does."""
        self.times += 1
        super().set()


def test_a_claim_is_made_while_no_webhook_waits() -> None:
    priority = WebhookPriority(deferrals_max=2)
    assert priority.may_claim(Wake())
    priority.on_commit(waiting_webhooks=0)
    assert priority.may_claim(Wake())
    assert priority.may_claim(Wake())


def test_while_webhooks_wait_a_claim_is_deferred_so_often_and_then_made() -> None:
    priority = WebhookPriority(deferrals_max=2)
    priority.on_commit(waiting_webhooks=5)
    assert [priority.may_claim(Wake()) for _ in range(6)] == [False, False, True] * 2


def test_by_default_every_third_claim_is_made_however_many_webhooks_wait() -> None:
    priority = WebhookPriority(deferrals_max=IngestConfig.model_fields["claim_put_off_max"].default)
    answers = []
    for _ in range(12):
        priority.on_commit(waiting_webhooks=5_000)
        answers.append(priority.may_claim(Wake()))
    assert answers.count(True) == 4


def test_a_claim_is_made_as_soon_as_no_webhook_waits_any_more() -> None:
    priority = WebhookPriority(deferrals_max=2)
    priority.on_commit(waiting_webhooks=1)
    assert not priority.may_claim(Wake())
    priority.on_commit(waiting_webhooks=0)
    assert priority.may_claim(Wake())


def test_a_deferred_worker_is_woken_once_by_the_commit_that_ends_next() -> None:
    priority, wake = WebhookPriority(deferrals_max=2), CountedWake()
    priority.on_commit(waiting_webhooks=1)
    assert not priority.may_claim(wake)
    assert wake.times == 0
    priority.on_commit(waiting_webhooks=1)
    priority.on_commit(waiting_webhooks=0)
    assert wake.times == 1


def test_a_worker_that_may_claim_is_not_woken() -> None:
    priority, wake = WebhookPriority(deferrals_max=2), CountedWake()
    assert priority.may_claim(wake)
    priority.on_commit(waiting_webhooks=0)
    assert wake.times == 0
