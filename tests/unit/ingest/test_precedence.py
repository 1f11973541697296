"""Webhooks that wait go first, and work on what is stored goes on."""

from services.chassis.loops import Wake
from services.ingest.config import IngestConfig
from services.ingest.precedence import Precedence


class CountedWake(Wake):
    """Counts how often it was set."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def set(self) -> None:
        """As it does."""
        self.times += 1
        super().set()


def test_work_goes_on_while_no_webhook_waits() -> None:
    precedence = Precedence(put_off_max=2)
    assert precedence.lets_go_on(Wake())
    precedence.committed(waiting_items=0)
    assert precedence.lets_go_on(Wake())
    assert precedence.lets_go_on(Wake())


def test_while_webhooks_wait_work_is_put_off_so_often_and_then_goes_on() -> None:
    precedence = Precedence(put_off_max=2)
    precedence.committed(waiting_items=5)
    assert [precedence.lets_go_on(Wake()) for _ in range(6)] == [False, False, True] * 2


def test_unless_told_otherwise_every_third_claim_is_made_however_many_webhooks_wait() -> None:
    precedence = Precedence(put_off_max=IngestConfig.model_fields["claim_put_off_max"].default)
    answers = []
    for _ in range(12):
        precedence.committed(waiting_items=5_000)
        answers.append(precedence.lets_go_on(Wake()))
    assert answers.count(True) == 4


def test_work_goes_on_as_soon_as_none_waits_any_more() -> None:
    precedence = Precedence(put_off_max=2)
    precedence.committed(waiting_items=1)
    assert not precedence.lets_go_on(Wake())
    precedence.committed(waiting_items=0)
    assert precedence.lets_go_on(Wake())


def test_who_was_put_off_is_woken_once_by_the_commit_that_ends_next() -> None:
    precedence, wake = Precedence(put_off_max=2), CountedWake()
    precedence.committed(waiting_items=1)
    assert not precedence.lets_go_on(wake)
    assert wake.times == 0
    precedence.committed(waiting_items=1)
    precedence.committed(waiting_items=0)
    assert wake.times == 1


def test_who_went_on_is_not_woken() -> None:
    precedence, wake = Precedence(put_off_max=2), CountedWake()
    assert precedence.lets_go_on(wake)
    precedence.committed(waiting_items=0)
    assert wake.times == 0
