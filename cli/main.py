"""`kb`: where the process begins and where it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from cli.interrupts import Interrupts
from cli.lazy import LazyGroup
from cli.options import Common, common_params, help_param
from cli.output import emit_json, prepare, write
from kb import __version__

_HELP = """Search contracts, manuals and white papers, with exact citations.

Bring documents in with `kb ingest`, then ask with `kb search`.
"""
_EPILOG = """\b
Examples:
  kb ingest contracts/ manuals/
  kb search how long is the warranty
  kb search 退货期限是几天 -k 3
  kb show c123
"""


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001
    if not value:
        return
    if ctx.ensure_object(Common).json:
        emit_json({"schema": "kb.version/1", "version": __version__})
    else:
        write(f"kb {__version__}\n")
    ctx.exit()


cli = LazyGroup(
    "kb",
    help=_HELP,
    epilog=_EPILOG,
    add_help_option=False,
    context_settings={
        "max_content_width": 80,
        "show_default": True,
    },
    params=[
        *common_params(),
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            callback=_version,
            show_default=False,
            help="Print the version.",
        ),
        help_param(),
    ],
)


def main(arguments: Sequence[str] | None = None, *, interrupts: Interrupts | None = None) -> int:
    """Run one command and give its exit code; `interrupts` may hold one that came before."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    prepare()
    if "_KB_COMPLETE" in os.environ:
        cli.main(given, prog_name="kb")  # a shell asks for words to offer; ends the process
    common, interrupts = Common(), interrupts or Interrupts()
    try:
        interrupts.listen()
        return _run(given, common)
    except click.exceptions.Exit as end:
        return end.exit_code
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - the one place where every error ends
        from cli.errors import tell

        # A mistake can end the reading of options before these were reached.
        options = given[: given.index("--")] if "--" in given else given
        common.json = common.json or "--json" in options
        common.debug = common.debug or "--debug" in options
        return tell(interrupts.blamed(error), common)
    finally:
        interrupts.settle()


def _run(given: list[str], common: Common) -> int:
    with cli.make_context("kb", given, obj=common) as ctx:
        if not common.debug and not sys.warnoptions:
            import warnings

            warnings.simplefilter("ignore")
        return int(cli.invoke(ctx) or 0)


if __name__ == "__main__":
    sys.exit(main())
