"""Webhooks that wait go first, and work on what is stored goes on."""

from services.ingest.precedence import Precedence


def test_work_goes_on_while_no_webhook_waits() -> None:
    precedence = Precedence(put_off_max=2)
    assert precedence.lets_go_on()
    precedence.committed(waiting_items=0)
    assert precedence.lets_go_on()
    assert precedence.lets_go_on()


def test_while_webhooks_wait_work_is_put_off_so_often_and_then_goes_on() -> None:
    precedence = Precedence(put_off_max=2)
    precedence.committed(waiting_items=5)
    assert [precedence.lets_go_on() for _ in range(6)] == [False, False, True] * 2


def test_work_goes_on_as_soon_as_none_waits_any_more() -> None:
    precedence = Precedence(put_off_max=2)
    precedence.committed(waiting_items=1)
    assert not precedence.lets_go_on()
    precedence.committed(waiting_items=0)
    assert precedence.lets_go_on()
