"""Webhooks that wait to be stored go before work on items that are stored.

The sender of a webhook waits for an answer; a stored item is durable and can wait. So while
webhooks queue for a commit, a claim of items is deferred from commit to commit, at most so many
times, and then runs, a batch like any other. No claim is deferred for good; but where webhooks
bring more than such claims take, stored items wait longer and longer until the webhooks ebb.
"""

from services.chassis.loops import Wake


class WebhookPriority:
    """Admits a claim while no webhook waits, or after it was deferred `deferrals_max` times."""

    def __init__(self, *, deferrals_max: int) -> None:
        self._deferrals_max = deferrals_max
        self._deferrals = 0
        self._webhooks_wait = False
        self._deferred: set[Wake] = set()

    def on_commit(self, *, waiting_webhooks: int) -> None:
        """Notes that a commit of webhooks ended, well or not, and how many wait for the next one.

        Wakes every deferred worker: the commit may have stored no work of its kind, and what it
        was about to claim still waits.
        """
        self._webhooks_wait = waiting_webhooks > 0
        for wake in self._deferred:
            wake.set()
        self._deferred.clear()

    def may_claim(self, wake: Wake) -> bool:
        """Whether the caller may claim now; otherwise `wake` is set when the next commit ends."""
        if self._webhooks_wait and self._deferrals < self._deferrals_max:
            self._deferrals += 1
            self._deferred.add(wake)
            return False
        self._deferrals = 0
        return True
