"""`kb completion`."""

from __future__ import annotations

import click

from cli.options import Common, define


@define(
    "completion",
    summary="Print a script for bash, zsh or fish.",
    examples=(
        'eval "$(kb completion bash)"             # in ~/.bashrc',
        'eval "$(kb completion zsh)"              # in ~/.zshrc',
        "kb completion fish > ~/.config/fish/completions/kb.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(common: Common, *, shell: str) -> int:
    """Print the script that completes commands and options in a shell."""
    from click.shell_completion import get_completion_class

    from cli.output import emit_json, write

    made = get_completion_class(shell)
    assert made is not None  # click knows each of the shells above
    script = made(
        click.get_current_context().find_root().command, {}, "kb", "_KB_COMPLETE"
    ).source()
    if common.json:
        emit_json({"schema": "kb.completion/1", "shell": shell, "script": script})
    else:
        write(script + "\n")
    return 0
