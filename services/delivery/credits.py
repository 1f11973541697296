"""What a workspace has, holds and spent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

GRANT_CREDITS_MAX: Final = 1_000_000
REASON_CHARACTERS_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A workspace's credits: available + held + consumed = granted."""

    workspace_id: UUID
    available: int
    held: int
    consumed: int
    granted: int
    waiting_delivery_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One side of a ledger transaction; `version` counts the workspace's transactions."""

    entry_id: UUID
    transaction_id: UUID
    type: str
    account: str
    amount: int
    balance_after: int
    delivery_id: UUID | None
    version: int
    created_at: datetime
    trace_id: str
