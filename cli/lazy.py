"""The `kb` group: a command's module is imported when the command is used, and not before."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

#: In the order in which a newcomer meets them; `--help` lists them so.
COMMANDS: Final = (
    "init",
    "ingest",
    "search",
    "show",
    "list",
    "status",
    "failures",
    "retry",
    "remove",
    "reindex",
    "rollback",
    "gc",
    "verify",
    "backup",
    "restore",
    "doctor",
    "eval",
    "config",
    "completion",
)


class LazyGroup(click.Group):
    """A group whose commands are `cli.<name>.command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Give the names of the commands, in the order of `--help`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Give the command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Give the command that `args` begin with; a name close to what was typed is told."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, n=2)
            told = f" Did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(f"There is no command {name!r}.{told}", ctx)
        return super().resolve_command(ctx, args)
