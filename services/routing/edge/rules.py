"""Rules at the edge."""

from typing import Any

from services.chassis.ids import new_id
from services.chassis.rpc.auth import caller
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.routing.dry_runs import DryRuns
from services.routing.edge.answers import to_rule
from services.routing.edge.parsing import parse_change, parse_rule, parse_rules_page
from services.routing.store.rules import RuleStore
from waybill.routing.v1 import routing_service_pb2 as pb


class RuleHandlers:
    """RoutingService's RPCs on rules."""

    def __init__(self, rules: RuleStore, dry_runs: DryRuns) -> None:
        self._rules = rules
        self._dry_runs = dry_runs

    async def CreateRule(
        self, request: pb.CreateRuleRequest, context: Any
    ) -> pb.CreateRuleResponse:
        new = parse_rule(request)
        await self._dry_runs.check(new.condition)
        rule = await self._rules.create_rule(
            caller().org,
            new_id(),
            new,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        return pb.CreateRuleResponse(rule=to_rule(rule))

    async def UpdateRule(
        self, request: pb.UpdateRuleRequest, context: Any
    ) -> pb.UpdateRuleResponse:
        change = parse_change(request)
        if change.condition is not None:
            await self._dry_runs.check(change.condition)
        rule = await self._rules.update_rule(
            caller().org, change, traceparent=current().traceparent
        )
        return pb.UpdateRuleResponse(rule=to_rule(rule))

    async def ListRules(self, request: pb.ListRulesRequest, context: Any) -> pb.ListRulesResponse:
        page = parse_rules_page(request)
        rows = await self._rules.list_rules(caller().org, limit=page.rows_to_read, after=page.start)
        rules, token = page.split(rows, lambda row: (str(row.priority), str(row.rule_id)))
        return pb.ListRulesResponse(rules=[to_rule(row) for row in rules], next_page_token=token)
