"""Does every passage bear the number of the clause that it stands in?

    python -m benchmarks.clauses FOLDER [--outline] [--words TEXT]

FOLDER holds `docs.jsonl` (`id`, `file`) and `spans.jsonl`; where the spans name their clause
(`clause`), printed is the share of them all of whose passages have that clause in their section,
and the first that have not. `--outline` prints the outline of each document instead, to be read by
eye: items within a section are marked with `~`. `--words` keeps to documents whose id has TEXT.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.chunking import is_named, load
from kb.chunk import chunk_document
from kb.chunk.sections import sections
from kb.model import Document

_SHOWN = 20


def outline(document: Document) -> list[str]:
    """Give the headings of a document, each on a line, indented by its level."""
    found: list[str] = []
    seen: set[int] = set()
    for section in sections(document):
        paths = [(section.path, ""), *((part.path, "~ ") for part in section.parts)]
        for path, mark in paths:
            for depth, name in enumerate(path):
                if name.start not in seen:
                    seen.add(name.start)
                    found.append("    " * depth + mark + name.text)
    return found


def measure(documents: dict[str, Document], spans: list[dict[str, Any]]) -> None:
    """Print the share of labelled clauses whose passages all have the clause's number."""
    of: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for span in spans:
        of[span["doc_id"]].append(span)
    right, wrong = 0, []
    for doc, labelled in of.items():
        chunks = chunk_document(documents[doc])
        for span in labelled:
            if is_named(chunks, span):
                right += 1
            else:
                wrong.append(f"{doc} {span['clause']}")
    total = right + len(wrong)
    print(f"section path right for {right} of {total} labelled clauses ({right / total:.1%})")
    for line in wrong[:_SHOWN]:
        print("  wrong:", line)


def main() -> None:
    """Print the share, or the outlines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--outline", action="store_true")
    parser.add_argument("--words", default="")
    asked = parser.parse_args()
    documents = {doc: each for doc, each in load(asked.folder).items() if asked.words in doc}
    lines = (asked.folder / "spans.jsonl").read_text(encoding="utf-8").splitlines()
    spans = [each for each in map(json.loads, lines) if each.get("doc_id") in documents]
    labelled = [each for each in spans if "clause" in each]
    if labelled and not asked.outline:
        measure(documents, labelled)
        return
    for doc, document in documents.items():
        print(f"\n{doc}")
        print("\n".join(outline(document)))


if __name__ == "__main__":
    main()
