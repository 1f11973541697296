"""How commands are declared (each with examples, in a group for its noun), and how they fail."""

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import typer
from rich.text import Text
from typer.core import TyperGroup

from services.console.failures import ConsoleError
from services.console.metadata_view import metadata_parts
from services.console.output import err
from services.console.terminal_text import printable

Function = TypeVar("Function", bound=Callable[..., Any])


def group(name: str, about: str) -> typer.Typer:
    """An empty group of commands for one noun."""
    return typer.Typer(name=name, help=about, no_args_is_help=True, rich_markup_mode=None)


def command(to: typer.Typer, name: str, *examples: str) -> Callable[[Function], Function]:
    """Adds the function to the group; the examples stand at the end of its help, one a line."""
    return to.command(name, epilog=epilog(examples))


def epilog(examples: tuple[str, ...]) -> str:
    """The examples; \\b has click keep their line ends."""
    return "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)


class FailingGroup(TyperGroup):
    """The outermost group: a ConsoleError of any command becomes a sentence and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command that the arguments name."""
        try:
            return super().invoke(ctx)
        except ConsoleError as error:
            fail(error)


def fail(error: ConsoleError) -> NoReturn:
    """Ends the command with the error's exit code after saying why."""
    console = err()
    first, *others = error.lines
    console.print(Text.assemble(("error: ", "bold red"), printable(first)), soft_wrap=True)
    for line in others:
        console.print(Text(f"  {printable(line)}"), soft_wrap=True)
    for part in metadata_parts(error.metadata):
        console.print(part, crop=False)
    raise typer.Exit(error.exit_code)
