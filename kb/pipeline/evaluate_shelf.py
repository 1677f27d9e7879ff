"""The documents of a labelled set as files, and which of its questions are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from kb.evaluate.dataset import Dataset, Query
from kb.source import stored_path

#: So many files in one folder.
_FILES: Final = 1000


def lay_out(dataset: Dataset, folder: Path) -> Mapping[str, Path]:
    """Write the set's texts as files below `folder`; give every document's file by its id.

    A text with a title becomes Markdown with the title as its heading, as a person would write
    it; one without becomes plain text. Files are taken where they are.
    """
    found: dict[str, Path] = {}
    for number, entry in enumerate(dataset.documents):
        if entry.file is not None:
            found[entry.id] = entry.file.absolute()
            continue
        text, title = entry.text or "", " ".join(entry.title.split())
        here = folder / f"{number // _FILES:04d}"
        here.mkdir(parents=True, exist_ok=True)
        file = here / f"{number % _FILES:03d}{'.md' if title else '.txt'}"
        whole = f"# {title}\n\n{text}\n" if title else text
        file.write_bytes(whole.encode("utf-8", "replace"))
        found[entry.id] = file
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Which document of the set a stored path is, and the other way round."""

    #: By a document's id in the set, the path under which it is stored.
    paths: Mapping[str, str]
    _ids: Mapping[str, str]

    @classmethod
    def of(cls, paths: Mapping[str, str]) -> Names:
        """Give the names for documents that are stored under these paths."""
        return cls(paths=paths, _ids={path: name for name, path in paths.items()})

    def document(self, path: str) -> str | None:
        """Give the id of the document at a stored path, or of the archive that holds it."""
        if path in self._ids:
            return self._ids[path]
        above, _, _ = path.rpartition("/")
        return self.document(above) if above else None


def stored_names(files: Mapping[str, Path], root: Path) -> Names:
    """Give the names for files that are stored by a knowledge base at `root`."""
    return Names.of({name: stored_path(file, root=root) for name, file in files.items()})


def sample(queries: Sequence[Query], limit: int | None) -> Sequence[Query]:
    """Give `limit` of the questions in their order, the same ones each time; None: all.

    A smaller sample is part of a larger one.
    """
    if limit is None or limit >= len(queries):
        return queries
    drawn = sorted(queries, key=lambda query: sha256(query.id.encode()).digest())[:limit]
    kept = {query.id for query in drawn}
    return [query for query in queries if query.id in kept]
