"""`kb config`."""

from __future__ import annotations

from cli.options import Common, define, open_base, shown_home


@define(
    "config",
    summary="Print every setting and where it came from.",
    examples=("kb config", "KB_BASE_URL=http://gpu1:8000/v1 kb config", "kb config --json"),
)
def command(common: Common) -> int:
    """Print every setting, its value and where that came from.

    A command-line option comes before the environment, that before kb.toml, and that before the
    default. Secrets are masked.
    """
    from cli.output import emit, emit_json

    base = open_base(common)
    if common.json:
        from cli.render.objects import config_object

        emit_json(config_object(base))
        return 0
    from cli.render.overview import setting_lines
    from cli.render.text import columns

    home = shown_home(base) if base.exists else f"none yet; it would be {shown_home(base)}"
    emit(setting_lines(list(base.settings.rows()), home, width=columns()))
    return 0
