"""Who goes first: webhooks that wait to be stored, before work on what is stored.

Whoever sent a webhook waits for an answer; what is stored is durable and can wait. So while
webhooks queue for a commit, work on others is put off from commit to commit, so many times at most,
and then takes its turn, a batch like any other. It is never put off for good; but where webhooks
bring more than such turns take, what is stored waits longer and longer, until they ebb.
"""

from services.chassis.loops import Wake


class Precedence:
    """Lets work go on while no webhook waits, else when it was put off `put_off_max` times."""

    def __init__(self, *, put_off_max: int) -> None:
        self._put_off_max = put_off_max
        self._put_off = 0
        self._is_behind = False
        self._wakes: set[Wake] = set()

    def committed(self, *, waiting_items: int) -> None:
        """Says that a commit of webhooks ended, well or not, and how many wait for the next one.

        Wakes who was put off: what the commit stored may be no work of theirs, and theirs waits.
        """
        self._is_behind = waiting_items > 0
        for wake in self._wakes:
            wake.set()
        self._wakes.clear()

    def lets_go_on(self, wake: Wake) -> bool:
        """Whether who asks may go on now; who is put off is woken when the next commit ends."""
        if self._is_behind and self._put_off < self._put_off_max:
            self._put_off += 1
            self._wakes.add(wake)
            return False
        self._put_off = 0
        return True
