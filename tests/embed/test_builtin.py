"""The built-in static model: unit rows, one text at a time, never raises."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.embed import builtin
from kb.embed.builtin import (
    DENSE_WEIGHT,
    DIMENSIONS,
    BuiltinModelError,
    StaticModel,
    load_static_model,
)
from kb.embed.builtin.chinese import FILES, digest
from kb.embed.builtin.model import read_model

DATA = Path(builtin.__file__).parent / "data"
PROSE = st.lists(
    st.sampled_from(
        ["the", "refund", "warranty", "of", "is", "café", "退款", "für", "12 %", "pays"]
    ),
    max_size=12,
).map(" ".join)
TEXTS = st.lists(st.one_of(PROSE, st.text(max_size=60)), max_size=6)


@pytest.fixture(scope="module")
def model() -> StaticModel:
    return load_static_model()


def test_names_itself(model: StaticModel) -> None:
    assert (model.name, model.dimensions, DENSE_WEIGHT) == ("builtin:static", 256, 0.3)
    assert len(bytes.fromhex(model.revision)) == hashlib.sha256().digest_size
    assert load_static_model() is model
    assert read_model(DATA).revision == model.revision


def test_files_are_small_and_attributed() -> None:
    assert sum(path.stat().st_size for path in DATA.iterdir()) <= 13_000_000
    notice = (DATA / "NOTICE").read_text("utf-8")
    assert all(name in notice for name in ("all-MiniLM-L6-v2", "Chinese Open Wordnet", "OpenCC"))
    assert "Apache License" in (DATA / "LICENSE").read_text("utf-8")


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_rows_are_unit_or_zero(texts: list[str]) -> None:
    vectors, known = load_static_model().encode(texts)
    assert vectors.shape == (len(texts), DIMENSIONS)
    assert vectors.dtype == np.float32
    assert known.dtype == np.bool_
    lengths = np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(lengths[known], 1, atol=1e-5)
    assert not vectors[~known].any()


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.randoms(use_true_random=False))
def test_a_row_depends_on_its_own_text_alone(texts: list[str], random) -> None:
    model = load_static_model()
    vectors, known = model.encode(texts)
    order = list(range(len(texts)))
    random.shuffle(order)
    shuffled, shuffled_known = model.encode([texts[i] for i in order])
    np.testing.assert_array_equal(shuffled, vectors[order])
    np.testing.assert_array_equal(shuffled_known, known[order])
    for row, text in enumerate(texts):
        np.testing.assert_array_equal(model.encode([text])[0][0], vectors[row])


@pytest.mark.parametrize(
    ("query", "near", "far"),
    [
        (
            "How do I get my money back?",
            "Customers receive a full refund within thirty days of the purchase.",
            "The wing was tested at supersonic speed in a wind tunnel.",
        ),
        (
            "ending the lease early",
            "The tenant may terminate the rental agreement before its term.",
            "Blood carries oxygen from the lungs to the tissue.",
        ),
        (
            "doctor",
            "The physician treats patients at the hospital.",
            "Invoices are payable within two weeks.",
        ),
    ],
)
def test_related_texts_are_closer(model: StaticModel, query: str, near: str, far: str) -> None:
    vectors, known = model.encode([query, near, far])
    assert known.all()
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "\x00",
        "refund\x00policy",
        "\ud800",
        "the \udfff refund policy",
        "x" * 1_000_000,
        "é" * 1_000_000,
        "退" * 100_000,
        "the refund policy " * 60_000,
        "🎉" * 1_000,
        "\u202e\ufeff\u200b",
        "e" + "\u0301" * 10_000,
        "\U0010ffff",
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_hostile_text_never_raises(model: StaticModel, text: str) -> None:
    vectors, known = model.encode([text, "the refund policy"])
    assert known[1]
    assert np.isfinite(vectors).all()
    assert np.isclose(np.linalg.norm(vectors[0]), float(known[0]), atol=1e-5)


def test_no_texts(model: StaticModel) -> None:
    vectors, known = model.encode([])
    assert vectors.shape == (0, DIMENSIONS)
    assert known.shape == (0,)


def _copy(folder: Path) -> Path:
    for path in DATA.iterdir():
        shutil.copy(path, folder / path.name)
    return folder


def _damage(path: Path, damage: str) -> None:
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(b"" if damage == "empty" else content[: len(content) // 2])


ENGLISH = ["table.npy", "scales.npy", "vocab.txt", "gate.npy", "gate.json"]


@pytest.mark.parametrize("name", ENGLISH)
@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_broken_files_are_told(tmp_path: Path, name: str, damage: str) -> None:
    _damage(_copy(tmp_path) / name, damage)
    with pytest.raises(BuiltinModelError, match="built-in model"):
        read_model(tmp_path)


def test_other_shapes_are_told(tmp_path: Path) -> None:
    folder = _copy(tmp_path)
    np.save(folder / "scales.npy", np.ones(7, np.float32))
    with pytest.raises(BuiltinModelError, match="do not fit"):
        read_model(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_broken_chinese_files_are_told_with_the_first_chinese_text(tmp_path, name, damage) -> None:
    _damage(_copy(tmp_path) / name, damage)
    model = read_model(tmp_path)
    assert model.encode(["the refund policy"])[1].tolist() == [True]
    with pytest.raises(BuiltinModelError, match="built-in model"):
        model.encode(["退款期限"])


def test_chinese_files_count_for_the_revision(tmp_path: Path) -> None:
    folder = _copy(tmp_path)
    assert (folder / "chinese.sha256").read_text("ascii").strip() == digest(DATA)
    (folder / "chinese.sha256").write_text("0" * 64, "ascii")
    assert read_model(folder).revision != read_model(DATA).revision
