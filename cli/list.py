"""`kb list`."""

from __future__ import annotations

from cli.options import Common, collection_option, define, glob_option, open_base


@define(
    "list",
    summary="List the documents.",
    examples=("kb list", "kb list --path 'policies/*'", "kb list --json | jq '.documents[].path'"),
)
@collection_option("Only documents of this collection.  [default: all]")
@glob_option
def command(common: Common, *, collection: str | None, path: str | None) -> int:
    """List the documents that can be searched."""
    from cli.output import emit, emit_json
    from kb.model import Filter
    from kb.pipeline.catalogue import documents

    rows = documents(open_base(common), Filter(collection=collection, path=path))
    if common.json:
        from cli.render.objects import list_object

        emit_json(list_object(rows))
        return 0
    from cli.render.overview import document_lines
    from cli.render.text import columns

    emit(document_lines(rows, width=columns(), filtered=bool(collection or path)))
    return 0
