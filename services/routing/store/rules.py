"""Rules, in the database."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.routing.records import NewRule, PublishedRule, Rule, RuleChange


class RuleStore:
    """Rules of routing's schema."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_rule(
        self,
        org_id: UUID,
        rule_id: UUID,
        new: NewRule,
        *,
        request_id: RequestId,
        traceparent: str,
    ) -> PublishedRule:
        """Creates it, or returns what the request id made before.

        Raises REQUEST_ID_REUSED, WORKSPACE_NOT_FOUND, TOO_MANY_RULES.
        """
        made: dict[str, Any] = await self._database.value(
            "create_rule",
            p_org_id=org_id,
            p_rule_id=rule_id,
            p_workspace_id=new.workspace_id,
            p_name=new.name,
            p_priority=new.priority,
            p_condition=new.condition,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return _published(made)

    async def update_rule(
        self, org_id: UUID, change: RuleChange, *, traceparent: str
    ) -> PublishedRule:
        """Publishes a version.

        Raises RULE_NOT_FOUND, ETAG_MISMATCH, WORKSPACE_NOT_FOUND, TOO_MANY_RULES.
        """
        made: dict[str, Any] = await self._database.value(
            "update_rule",
            p_org_id=org_id,
            p_rule_id=change.rule_id,
            p_etag=change.etag,
            p_workspace_id=change.workspace_id,
            p_name=change.name,
            p_priority=change.priority,
            p_condition=change.condition,
            p_enabled=change.enabled,
            p_traceparent=traceparent,
        )
        return _published(made)

    async def list_rules(
        self, org_id: UUID, *, limit: int, after: tuple[int, UUID] | None = None
    ) -> list[PublishedRule]:
        """The org's rules after (priority, rule id), in the order in which they are tried."""
        priority, rule_id = after or (None, None)
        rows = await self._database.rows(
            "list_rules",
            p_org_id=org_id,
            p_limit=limit,
            p_after_priority=priority,
            p_after_rule_id=rule_id,
        )
        return [PublishedRule(**row) for row in rows]

    async def get_rule_sets(self, org_ids: Sequence[UUID]) -> dict[UUID, list[Rule]]:
        """The enabled rules of each org, in the order in which they are tried."""
        rows = await self._database.rows("get_rule_sets", p_org_ids=org_ids)
        rule_sets: dict[UUID, list[Rule]] = {org_id: [] for org_id in org_ids}
        for row in rows:
            rule_sets[row["org_id"]].append(
                Rule(
                    rule_id=row["rule_id"],
                    version=row["version"],
                    workspace_id=row["workspace_id"],
                    condition=row["condition"],
                )
            )
        return rule_sets


def _published(made: dict[str, Any]) -> PublishedRule:
    ids = {"rule_id": UUID(made["rule_id"]), "workspace_id": UUID(made["workspace_id"])}
    return PublishedRule(**{**made, **ids})
