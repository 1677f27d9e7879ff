"""builtin:minilm with the real weights of all-MiniLM-L6-v2, where they are installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from kb.embed import open_builtin
from kb.embed.builtin_minilm import cached, weights
from kb.embed.builtin_minilm.model import MiniLm, load
from tests.embed.minilm_reference import forward

if find_spec("onnxruntime") is None or find_spec(weights.PACKAGE) is None:
    pytest.skip("the extra minilm or its weights are not installed", allow_module_level=True)

TEXTS = (
    "how to refund",
    "When does the contract end?",
    "The parties may terminate this Agreement upon thirty (30) days' written notice, § 4.1(b).",
    "Heat transfer in the laminar boundary layer of a blunt body at Mach 6 was measured.",
    "Zoë paid USD 1,000 for the naïve café owner's coffee in Zürich; it was 12.5 % too much.",
    "The goods are returned at the buyer's expense. " * 20,
)
#: Questions, each with what answers it and what is only about the same.
PAIRS = (
    ("how do I get my money back", "Refunds are paid within ten days.", "Money was first coined."),
    ("is my car covered", "The insurer pays for damage to the vehicle.", "The car is red."),
    ("what does the drug do to you", "Patients reported nausea.", "It is sold in boxes of ten."),
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> MiniLm:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        load.cache_clear()
        return load()


def test_vectors_are_those_of_the_original_in_float32(model) -> None:
    tensors, _ = weights.read_weights()
    for text in TEXTS:
        ids = model.ids(text)
        assert float(forward(tensors, ids) @ model.vector(ids)) > 0.99, text


def test_it_ranks_by_meaning(model) -> None:
    for question, right, wrong in PAIRS:
        asked, first, second = (model.vector(model.ids(text)) for text in (question, right, wrong))
        assert asked @ first > asked @ second, question


def test_tokens_are_those_of_the_original(model) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    spec = find_spec(weights.PACKAGE)
    assert spec is not None
    folder = Path(str(spec.origin)).parent / "model"
    original = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    original.no_truncation()
    original.no_padding()
    for text in (*TEXTS, "退款 ☂ \u200b déjà-vu " + "x" * 120, "naïve\u0301 ﬁ Ⅷ ½"):
        assert model.ids(text) == original.encode(text).ids


def test_two_processes_at_once_make_one_model(tmp_path) -> None:
    code = "from kb.embed.builtin_minilm.cached import model_file\nprint(len(model_file()))"
    environ = {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=environ, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    sizes = {process.communicate()[0] for process in both}
    (kept,) = (tmp_path / "kb").iterdir()
    assert sizes == {f"{kept.stat().st_size}\n"}
    assert cached._is_it(kept.read_bytes())


def test_what_was_made_once_needs_the_package_no_more(model, monkeypatch) -> None:
    kept = cached.cache_file()
    if kept is None or not kept.is_file():
        cached.model_file()
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    assert len(cached.model_file()) > 20_000_000


def test_the_profile_says_what_the_vectors_are_made_with(model) -> None:
    with open_builtin("builtin:minilm") as embedder:
        profile = embedder.profile
        (outcome,) = embedder.embed_now([profile.query(TEXTS[0])])
    assert (profile.provider, profile.model) == ("builtin", "builtin:minilm")
    assert (profile.dimensions, profile.revision) == (384, cached.REVISION)
    assert outcome.vector is not None
    assert outcome.vector.shape == (384,)
    assert np.linalg.norm(outcome.vector) == pytest.approx(1, abs=1e-6)
