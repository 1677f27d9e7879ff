"""What a store must say, compared with what a `Model` foretells."""

from __future__ import annotations

import numpy as np
import pytest

from kb.model import Filter
from tests.store.stateful_model import REFUSED, WORDS, Model, vector


class Checks:
    """The comparisons; it remembers each id that was ever seen."""

    def __init__(self) -> None:
        super().__init__()
        self.highest: dict[str, int] = {}
        self.seen: dict[tuple[str, int], object] = {}

    def check_ids(self, database) -> None:
        """An id that is new is higher than any before, and one that is not means what it meant."""
        meanings = {
            "documents": "SELECT id, path, sha256, ingested_at FROM documents",
            "chunks": "SELECT id, generation_id, document_id, char_start, char_end FROM chunks",
            "vectors": "SELECT id, profile_id, key FROM vectors",
            "generations": "SELECT id, created_at FROM generations",
            "profiles": "SELECT id, digest FROM profiles",
        }
        for table, sql in meanings.items():
            before = self.highest.get(table, 0)
            for id_, *meaning in database.all(sql):
                known = self.seen.setdefault((table, id_), meaning)
                assert known == meaning, f"{table} {id_} was used twice"
                self.highest[table] = max(self.highest.get(table, 0), id_)
            new = [id_ for name, id_ in self.seen if name == table and id_ > before]
            assert all(id_ > before for id_ in new)

    def check_visible(self, snapshot, model: Model) -> None:
        assert snapshot.profile == model.current.profile
        self.check_documents(snapshot, model)
        self.check_sources(snapshot, model)
        self.check_words(snapshot, model)
        for text in ("cedar", "fjord 保修", "somewhere else"):
            self.check_nearest(snapshot, model, vector(model.current.profile, text))

    def check_documents(self, snapshot, model: Model) -> None:
        rows = {row.path: row for row in snapshot.documents()}
        assert list(rows) == sorted(model.documents)
        for path, entry in model.documents.items():
            assert rows[path].collection == entry.collection
            assert rows[path].chunks == len(entry.chunks(model.current.width))
            assert rows[path].state == model.sources[path].state
            assert snapshot.document(path).document.text == entry.text
        assert snapshot.summary().chunks == len(model.passages)

    def check_sources(self, snapshot, model: Model) -> None:
        known = {
            path: (each.state, each.mtime_ns, each.sha256)
            for path, each in snapshot.known_sources().items()
        }
        assert known == {p: (k.state, k.mtime_ns, k.sha256) for p, k in model.sources.items()}
        told = sorted((f.source, f.code, f.locator or "") for f in snapshot.failures())
        assert told == sorted(
            (path, code, locator or "")
            for path, each in model.sources.items()
            for code, locator in each.codes
        )

    def check_words(self, snapshot, model: Model) -> None:
        for word in WORDS:
            hits = snapshot.match(word, top_k=999)
            assert [score for _, score in hits] == sorted((s for _, s in hits), reverse=True)
            found = self.places(snapshot, model, [chunk_id for chunk_id, _ in hits])
            expected = [
                place for place, chunk in model.passages.items() if word in chunk.text.split()
            ]
            assert sorted(found) == sorted(expected)
        legal = self.places(
            snapshot,
            model,
            [i for i, _ in snapshot.match("cedar", top_k=999, within=Filter(collection="legal"))],
        )
        assert {path for path, _ in legal} == {
            path
            for (path, _), chunk in model.passages.items()
            if "cedar" in chunk.text.split() and model.documents[path].collection == "legal"
        }

    def places(self, snapshot, model: Model, ids) -> list[tuple[str, int]]:
        """Give path and place of passages, each one cited exactly."""
        found = snapshot.passages(ids)
        assert len(set(ids)) == len(ids) == len(found)
        for passage in found.values():
            place = (passage.path, passage.chunk.ordinal)
            assert passage.chunk == model.passages[place]
            text = model.documents[passage.path].text
            assert text[passage.chunk.start : passage.chunk.end] == passage.chunk.text
            assert passage.collection == model.documents[passage.path].collection
        return [(found[each].path, found[each].chunk.ordinal) for each in ids]

    def check_nearest(self, snapshot, model: Model, asked: np.ndarray) -> None:
        """Compare with the product of the question and every vector, one by one."""
        profile = model.current.profile
        brute = {
            place: float(asked @ vector(profile, chunk.text).astype("<f2").astype(np.float32))
            for place, chunk in model.passages.items()
            if REFUSED not in chunk.text
        }
        hits = snapshot.nearest(asked, top_k=len(brute) + 9)
        found = self.places(snapshot, model, [chunk_id for chunk_id, _ in hits])
        assert sorted(found) == sorted(brute)
        for place, (_, score) in zip(found, hits, strict=True):
            assert score == pytest.approx(brute[place], abs=1e-5)
        assert hits == sorted(hits, key=lambda hit: (-hit[1], hit[0]))
        assert snapshot.nearest(asked, top_k=3) == hits[:3]
        assert dict(hits) == pytest.approx(
            dict(snapshot.similarities(asked, [chunk_id for chunk_id, _ in hits])), abs=1e-5
        )
