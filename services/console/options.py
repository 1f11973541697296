"""Options that many commands share."""

from typing import Annotated

import typer

from services.chassis.ids import new_id

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0.1, max=300, help="Seconds that each call may take.")
]
PageSize = Annotated[
    int,
    typer.Option("--page-size", min=0, max=500, help="Rows at once; 0: the service's default, 50."),
]
PageToken = Annotated[
    str,
    typer.Option("--page-token", help="Where to go on: the token that the previous call printed."),
]
ReadAll = Annotated[bool, typer.Option("--all", help="Read the whole list.")]
RequestId = Annotated[
    str,
    typer.Option(
        "--request-id",
        help="Id of this request: the same id again gives the same answer. Default: a new one.",
    ),
]


def or_new(request_id: str) -> str:
    """The request id that was given, or a new one: a retried call must not write twice."""
    return request_id or str(new_id())
