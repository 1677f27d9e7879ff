"""The one place that turns whatever ended a command into words and an exit code."""

from __future__ import annotations

from dataclasses import replace

import click

from cli.options import Common
from cli.output import emit, emit_json, say, write
from kb.errors import EXIT_INTERRUPTED, EXIT_PARTIAL, EndpointError, Failure, KbError, failure

INTERRUPTED = "Interrupted: what was finished is kept; run the same command again to go on."


def tell(error: BaseException, common: Common) -> int:
    """Print what ended the command, as words on stderr or as JSON on stdout; give the exit code."""
    if common.debug:
        import traceback

        write("".join(traceback.format_exception(error)), err=True)
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        say(INTERRUPTED)
        if common.json:
            _print_json(failure("run.interrupted"))
        return EXIT_INTERRUPTED
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and not common.json:
        write(error.format_message() + "\n", err=True)
        return error.exit_code
    told, exit_code = _failure_of(error, common)
    if common.json:
        _print_json(told)
    else:
        from cli.render.failures import error_block
        from cli.render.text import columns

        emit(error_block(told, width=columns()), err=True)
        if isinstance(error, EndpointError):
            from cli.render.report import LOOK_CLOSER

            say(f"    {LOOK_CLOSER}")
    return exit_code


def _print_json(told: Failure) -> None:
    from cli.render.objects import error_object

    emit_json(error_object(told))


def _failure_of(error: BaseException, common: Common) -> tuple[Failure, int]:
    if isinstance(error, KbError):
        return error.failure, error.exit_code
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return failure("usage.invalid", "A command is needed."), error.exit_code
    if isinstance(error, click.UsageError):
        return failure("usage.invalid", error.format_message(), hint=_help(error)), error.exit_code
    if isinstance(error, click.ClickException):
        return _unforeseen(error.format_message(), ""), error.exit_code
    message = f"kb met an error that it does not know: {type(error).__name__}: {error}."
    hint = "" if common.debug else "Run with --debug for the traceback, and report it."
    return _unforeseen(message, hint), EXIT_PARTIAL


def _help(error: click.UsageError) -> str:
    """Say where help is, and how a question or a path that looks like an option is written."""
    if error.ctx is None:
        return ""
    see = f"See: {error.ctx.command_path} --help"
    takes = any(isinstance(each, click.Argument) for each in error.ctx.command.params)
    if not isinstance(error, click.NoSuchOption) or not takes:
        return see
    return f"{see}. Before what only looks like an option goes `--`."


def _unforeseen(message: str, hint: str) -> Failure:
    return replace(failure("run.unforeseen", message), hint=hint)
