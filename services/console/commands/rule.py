"""`waybill rule`: which leads go to which workspace."""

from typing import Annotated, Final

import typer

from services.console.calls import ask, ask_list
from services.console.client import ROUTING, TIMEOUT_SECONDS
from services.console.command_groups import command, group
from services.console.options import (
    AsJson,
    PageSize,
    PageToken,
    ReadAll,
    RequestId,
    Timeout,
    or_new,
)
from services.console.output import show, show_list
from waybill.routing.v1.routing_service_pb2 import (
    CreateRuleRequest,
    ListRulesRequest,
    UpdateRuleRequest,
)

_COLUMNS: Final = (
    "rule_id", "etag", "priority", "enabled", "name", "workspace_id", "condition",
)  # fmt: skip
_PRIORITY_MAX: Final = 1_000_000

rules = group("rule", "Which leads go to which workspace.")


@command(
    rules,
    "create",
    "waybill rule create 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f 'German orders' "
    '--condition \'lead.type == "order" && lead.phone_country == "DE"\' --priority 10',
    "waybill rule create 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f Rest --condition true",
)
def create(
    workspace_id: Annotated[
        str, typer.Argument(help="The workspace that gets the leads that match.")
    ],
    name: Annotated[str, typer.Argument(help="A name for people.")],
    condition: Annotated[str, typer.Option(help="CEL over the lead, of type bool.")],
    priority: Annotated[
        int,
        typer.Option(min=0, max=_PRIORITY_MAX, help="Rules with a lower one are evaluated first."),
    ] = 0,
    request_id: RequestId = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Create a rule; a condition that does not compile is refused with line and column."""
    request = CreateRuleRequest(
        request_id=or_new(request_id),
        workspace_id=workspace_id,
        name=name,
        priority=priority,
        condition=condition,
    )
    answer = ask(ROUTING, lambda routing: routing.CreateRule, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)


@command(
    rules,
    "update",
    "waybill rule update 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f --etag 1 --priority 5",
    "waybill rule update 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f --etag 2 --disable",
)
def update(
    rule_id: Annotated[str, typer.Argument(help="The rule: a UUID.")],
    etag: Annotated[str, typer.Option(help="The etag that `waybill rule list` showed.")],
    workspace_id: Annotated[
        str | None,
        typer.Option("--workspace", help="The workspace that gets the leads that match."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    priority: Annotated[
        int | None,
        typer.Option(min=0, max=_PRIORITY_MAX, help="Rules with a lower one are evaluated first."),
    ] = None,
    condition: Annotated[str | None, typer.Option(help="CEL over the lead, of type bool.")] = None,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether it is evaluated.")
    ] = None,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Publish a new version of a rule; what is not given stays as it is."""
    request = UpdateRuleRequest(
        rule_id=rule_id,
        etag=etag,
        workspace_id=workspace_id,
        name=name,
        priority=priority,
        condition=condition,
        enabled=enabled,
    )
    answer = ask(ROUTING, lambda routing: routing.UpdateRule, request, timeout_seconds=timeout)
    show(answer, as_json=as_json)


@command(rules, "list", "waybill rule list", "waybill rule list --all --json")
def list_rules(
    page_size: PageSize = 0,
    page_token: PageToken = "",
    read_all: ReadAll = False,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """List the org's rules in the order in which they are evaluated."""
    request = ListRulesRequest(page_size=page_size, page_token=page_token)
    answer = ask_list(
        ROUTING,
        lambda routing: routing.ListRules,
        request,
        timeout_seconds=timeout,
        read_all=read_all,
    )
    show_list(answer, answer.rules, _COLUMNS, as_json=as_json)
