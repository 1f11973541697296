"""Whatever happens in whatever order, the books balance: a Hypothesis state machine."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.chassis.database import Database, Record, pooled
from tests.conftest import config_for, with_login
from tests.sampling import examples
from tests.schema.delivery import builders
from tests.schema.delivery.builders import Offered, later

Answer = TypeVar("Answer")
TRACEPARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"


class Ledger(RuleBasedStateMachine):
    """Grants, holds, completions, releases and expiries on one workspace."""

    url: str
    loop: asyncio.AbstractEventLoop
    db: Database
    admin: Any

    @initialize()
    def begin(self) -> None:
        # Claims go over all tenants: what an example before left must not be found.
        self.run(
            self.admin.execute(
                "truncate delivery.workspaces, delivery.lead_events,"
                " delivery.credit_transactions, delivery.ticks cascade"
            )
        )
        self.seconds = 0.0
        self.workspace = self.run(builders.a_workspace(self.db))
        self.offers: list[Offered] = []
        self.claims: list[tuple[UUID, list[Record]]] = []
        self.completed: set[UUID] = set()
        self.granted = 0

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self.loop.run_until_complete(work)

    @rule(credits=st.integers(1, 3))
    def grant(self, credits: int) -> None:
        self.run(builders.grant(self.db, self.workspace, credits, now=later(self.seconds)))
        self.granted += credits

    @rule(count=st.integers(1, 3))
    def offer(self, count: int) -> None:
        self.offers += self.run(
            builders.offered(self.db, self.workspace, count, now=later(self.seconds))
        )

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        token = uuid4()
        rows = self.run(builders.claim(self.db, token=token, limit=limit, now=later(self.seconds)))
        mine = [row for row in rows if row["workspace_id"] == self.workspace.workspace_id]
        if mine:
            self.claims.append((token, mine))

    @precondition(lambda self: self.claims)
    @rule(
        data=st.data(),
        action=st.sampled_from(["complete", "complete_partial", "retry", "fail", "dead_letter"]),
        hold_action=st.sampled_from(["release", "keep", "extend"]),
    )
    def report(self, data: st.DataObject, action: str, hold_action: str) -> None:
        token, rows = data.draw(st.sampled_from(self.claims))
        answers = self.run(
            builders.finish(
                self.db,
                rows,
                token,
                action=action,
                hold_action=hold_action,
                now=later(self.seconds),
            )
        )
        for delivery_id, outcome in answers.items():
            if outcome == "finished" and action in ("complete", "complete_partial"):
                assert delivery_id not in self.completed
                self.completed.add(delivery_id)

    @precondition(lambda self: self.offers)
    @rule(data=st.data())
    def complete_by_hand(self, data: st.DataObject) -> None:
        offer = data.draw(st.sampled_from(self.offers))
        answer = self.run(builders.complete(self.db, [offer], now=later(self.seconds)))
        outcome = answer[offer.delivery_id]
        expected = (
            {"duplicate"}
            if offer.delivery_id in self.completed
            else {
                "completed",
                "insufficient_credits",
            }
        )
        assert outcome in expected
        if outcome == "completed":
            self.completed.add(offer.delivery_id)

    @rule(seconds=st.sampled_from([1.0, 61.0, 3700.0]))
    def wait_and_expire(self, seconds: float) -> None:
        self.seconds += seconds
        self.run(
            self.db.value(
                "expire_holds",
                p_limit=100,
                p_every_seconds=0.001,
                p_traceparent=TRACEPARENT,
                p_now=later(self.seconds),
            )
        )

    @invariant()
    def credits_neither_appear_nor_vanish(self) -> None:
        available, held, consumed = self.run(builders.balance(self.db, self.workspace))
        assert min(available, held, consumed) >= 0
        assert available + held + consumed == self.granted
        assert consumed == len(self.completed)

    @invariant()
    def the_books_balance(self) -> None:
        assert self.run(builders.broken_equations(self.db)) == {}


def test_the_books_balance_whatever_happens(database_url: str) -> None:
    loop = asyncio.new_event_loop()
    stack = AsyncExitStack()
    try:
        Ledger.loop = loop
        Ledger.admin = loop.run_until_complete(asyncpg.connect(database_url))
        opened = pooled("delivery", config_for(with_login(database_url, "waybill_delivery")))
        Ledger.db = loop.run_until_complete(stack.enter_async_context(opened))
        run_state_machine_as_test(
            Ledger,
            settings=settings(
                max_examples=examples(25),
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        loop.run_until_complete(stack.aclose())
        loop.run_until_complete(Ledger.admin.close())
        loop.close()
