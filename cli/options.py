"""What every command has in common: its shape, the common options, the knowledge base it opens."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce, update_wrapper
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from kb.errors import CATALOGUE, Stage, UsageError, failure

if TYPE_CHECKING:
    from kb.pipeline.base import KnowledgeBase


@dataclass(slots=True)
class Common:
    """The options that every command takes, before its name or after it."""

    home: Path | None = None
    json: bool = False
    quiet: bool = False
    debug: bool = False


def filled(value: str) -> str:
    """Give the text, a click type; an unset variable of a shell must not name all that is here."""
    if not value:
        raise click.BadParameter("it is empty.")
    return value


def define(
    name: str, *, summary: str, examples: tuple[str, ...], brief: bool = False
) -> Callable[[Callable[..., int]], click.Command]:
    """Make a command of a function from `Common` and its own options to an exit code.

    `summary` stands in the list of commands; the function's docstring in the command's own help.
    A `brief` command is over before it could leave much garbage behind.
    """

    def decorate(function: Callable[..., int]) -> click.Command:
        def run(**values: Any) -> int:  # noqa: ANN401 - click's values, checked by its types
            if not (brief or gc.isenabled()):
                gc.freeze()
                gc.enable()
            return function(click.get_current_context().ensure_object(Common), **values)

        epilog = "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)
        made = click.command(name, epilog=epilog, short_help=summary, add_help_option=False)(
            update_wrapper(run, function)
        )
        made.params.extend([*common_params(), help_param()])
        return made

    return decorate


def common_params() -> list[click.Parameter]:
    """Give fresh copies of the options that every command takes."""
    return [
        _common(
            ("--home",),
            "The knowledge base's folder.  [default: KB_HOME, or .kb here or in a parent folder]",
            metavar="DIR",
        ),
        _common(("--json",), "Print one JSON object on stdout.", is_flag=True),
        _common(("-q", "--quiet"), "Print no progress.", is_flag=True),
        _common(("--debug",), "Print a traceback when something goes wrong.", is_flag=True),
    ]


def help_param() -> click.Parameter:
    """Give click's help option, written in the way that all output is."""
    return click.Option(
        ["-h", "--help"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_help,
        show_default=False,
        help="Show this message and exit.",
    )


def _help(ctx: click.Context, param: click.Parameter, value: object) -> None:  # noqa: ARG001
    if value and not ctx.resilient_parsing:
        from cli.output import write

        write(ctx.get_help() + "\n")
        ctx.exit()


def _common(names: tuple[str, ...], text: str, **more: Any) -> click.Option:  # noqa: ANN401
    # Eager, so that `--version --json` and a mistake in another option know of `--json`.
    return click.Option(
        list(names),
        help=text,
        expose_value=False,
        is_eager=True,
        callback=_remember,
        show_default=False,
        **more,
    )


def _remember(ctx: click.Context, param: click.Parameter, value: object) -> None:
    common = ctx.ensure_object(Common)
    if param.name == "home" and isinstance(value, str):
        if not value.strip():
            raise click.BadParameter("the name of a folder is needed.", ctx=ctx, param=param)
        common.home = Path(value)
    elif value:
        setattr(common, str(param.name), value)


def stage_option(function: Callable[..., int]) -> Callable[..., int]:
    """Add `--stage`, one of the stages of the pipeline."""
    return click.option(
        "--stage",
        type=click.Choice([stage.value for stage in Stage]),
        help="Only failures of this stage.  [default: all stages]",
    )(function)


def code_option(function: Callable[..., int]) -> Callable[..., int]:
    """Add `--code`, one of the failure codes."""
    return click.option(
        "--code",
        metavar="CODE",
        callback=_known_code,
        help="Only failures with this code, e.g. extract.no_text.  [default: all codes]",
    )(function)


def _known_code(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is None or value in CATALOGUE:
        return value
    from difflib import get_close_matches

    near = get_close_matches(value, CATALOGUE, n=3, cutoff=0.5)
    told = f"; did you mean {' or '.join(near)}?" if near else "."
    raise click.BadParameter(f"{value!r} is not a failure code{told}", ctx=ctx, param=param)


def collection_option(text: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Add `--collection`, described by `text`."""
    return click.option("--collection", metavar="NAME", type=filled, help=text)


def glob_option(function: Callable[..., int]) -> Callable[..., int]:
    """Add `--path`, a glob over stored paths."""
    return click.option(
        "--path",
        metavar="GLOB",
        type=filled,
        help="Only documents whose path matches, e.g. 'manuals/**'.  [default: all]",
    )(function)


def wait_option(function: Callable[..., int]) -> Callable[..., int]:
    """Add `--wait`, the seconds to wait for another writer."""
    return click.option(
        "--wait",
        metavar="SECONDS",
        type=click.FloatRange(0, 86_400),
        help="Wait so long for another command that writes.  [default: 5]",
    )(function)


def open_base(
    common: Common, options: Mapping[str, object] = MappingProxyType({}), *, here: bool = False
) -> KnowledgeBase:
    """Find the knowledge base and read its settings; `options` are named as in `kb.toml`.

    With `here`, a knowledge base in a parent folder is not looked for. Raises `UsageError`.
    """
    import os

    from cli.secret import guard
    from kb.pipeline.base import FOLDER, locate

    home = common.home
    if here and home is None and not os.environ.get("KB_HOME"):
        home = Path(FOLDER)
    given = {key: value for key, value in options.items() if value is not None}
    try:
        base = locate(home, environ=os.environ, options=given)
        _ = base.exists
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or error
        raise UsageError(
            failure(
                "usage.settings",
                f"The knowledge base's folder cannot be looked for: {told}.",
                hint="Name another folder with --home or KB_HOME.",
            )
        ) from error
    guard(base.settings)
    return base


def shown_home(base: KnowledgeBase) -> str:
    """Give the folder of the knowledge base as a person would name it from here."""
    try:
        return str(base.home.relative_to(Path.cwd()))
    except (OSError, ValueError):
        return str(base.home)


def endpoint_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add --base-url, --model and --prompts."""
    from kb.config import PROMPT_NAMES

    options = (
        click.option("--base-url", metavar="URL", help="Embedding endpoint.  [default: as set]"),
        click.option("--model", metavar="NAME", help="Model; builtin:static needs no endpoint."),
        click.option(
            "--prompts",
            type=click.Choice(PROMPT_NAMES),
            help="What to put before questions and passages.  [default: as set]",
        ),
    )
    return reduce(lambda added, option: option(added), reversed(options), function)


def chunking_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add --target-tokens and --overlap-tokens."""
    options = (
        click.option(
            "--target-tokens",
            metavar="N",
            type=click.IntRange(16, 8192),
            help="How long passages become.  [default: as set]",
        ),
        click.option(
            "--overlap-tokens",
            metavar="N",
            type=click.IntRange(0, 4096),
            help="How much of a passage the next one repeats.  [default: as set]",
        ),
    )
    return reduce(lambda added, option: option(added), reversed(options), function)
