from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.embed.answers import Answer, Fault, read_answer

RNG = np.random.default_rng(7)


def _packed(vector: Any) -> str:
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()


def _body(embeddings: list[Any], **more: Any) -> bytes:
    data = [{"index": index, "embedding": vector} for index, vector in enumerate(embeddings)]
    return json.dumps({"data": data} | more).encode()


def _code(body: bytes, *, count: int = 1, dimensions: int | None = None) -> str:
    result = read_answer(body, count=count, dimensions=dimensions)
    assert isinstance(result, Fault)
    assert result.message.endswith(".")
    return result.code


@given(order=st.permutations(range(6)), packed=st.booleans())
def test_vectors_come_back_in_the_order_of_the_texts(order: list[int], packed: bool) -> None:
    rows = np.eye(6, dtype=np.float32)
    data = [
        {"index": index, "embedding": _packed(rows[index]) if packed else rows[index].tolist()}
        for index in order
    ]
    answer = read_answer(json.dumps({"data": data}).encode(), count=6, dimensions=6)
    assert isinstance(answer, Answer)
    assert np.array_equal(answer.rows, rows)


def test_without_index_the_order_given_counts() -> None:
    body = json.dumps({"data": [{"embedding": [0, 1]}, {"embedding": [1, 0]}]}).encode()
    answer = read_answer(body, count=2, dimensions=None)
    assert isinstance(answer, Answer)
    assert answer.rows.tolist() == [[0, 1], [1, 0]]


def test_vectors_are_unit_float32_whatever_their_length_was() -> None:
    vector = RNG.standard_normal(2560) * 6.4
    answer = read_answer(_body([_packed(vector), vector.tolist()]), count=2, dimensions=2560)
    assert isinstance(answer, Answer)
    assert answer.rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(answer.rows.astype(float), axis=1), 1.0, atol=1e-6)
    assert np.allclose(answer.rows[0], answer.rows[1], atol=1e-7)


def test_a_vector_too_large_for_float32_arithmetic_keeps_its_direction() -> None:
    answer = read_answer(_body([[3e38, 3e38]]), count=1, dimensions=2)
    assert isinstance(answer, Answer)
    assert not answer.bad
    assert np.allclose(answer.rows, 0.70710677)


@pytest.mark.parametrize(
    "spoilt", ["[NaN, 1]", "[Infinity, 1]", "[0, 0]", "[1e39, 1]", "[null, 1]"]
)
def test_a_vector_without_direction_spoils_only_its_own_row(spoilt: str) -> None:
    body = '{"data": [{"index": 0, "embedding": [1, 0]}, {"index": 1, "embedding": SPOILT}]}'
    body = body.replace("SPOILT", spoilt)
    answer = read_answer(body.encode(), count=2, dimensions=2)
    assert isinstance(answer, Answer)
    assert answer.bad == {1}
    assert answer.rows[0].tolist() == [1, 0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<!DOCTYPE html><html></html>",
        b'{"data": [{"index": 0, "embed',
        b"[1, 2]",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"error": {"message": "overloaded"}}',
        b'{"error": "overloaded", "data": null}',
        b'{"object": "list"}',
        b'{"data": {"embedding": [1]}}',
        b'{"data": [1]}',
        b'{"data": [{"index": 0}]}',
        b'{"data": [{"index": 0, "embedding": []}]}',
        b'{"data": [{"index": 0, "embedding": {}}]}',
        b'{"data": [{"index": 0, "embedding": null}]}',
        b'{"data": [{"index": 0, "embedding": 5}]}',
        b'{"data": [{"index": 0, "embedding": ["a"]}]}',
        b'{"data": [{"index": 0, "embedding": [[1, 2], [3, 4]]}]}',
        b'{"data": [{"index": 0, "embedding": [[1], [1, 2]]}]}',
        b'{"data": [{"index": 0, "embedding": "not base64!"}]}',
        b'{"data": [{"index": 0, "embedding": "AAAA"}]}',
        b'{"data": [{"index": 0, "embedding": ""}]}',
        b'{"data": [{"index": 1, "embedding": [1, 2]}]}',
        b'{"data": [{"index": true, "embedding": [1, 2]}]}',
        b'{"data": [{"index": "0", "embedding": [1, 2]}]}',
    ],
)
def test_what_is_no_list_of_embeddings_is_an_invalid_response(body: bytes) -> None:
    assert _code(body) == "embed.invalid_response"


@pytest.mark.parametrize("index", [[0, 0], [0, None], [1, 2], [-1, 0], [0.0, 1.0]])
def test_an_index_that_does_not_name_each_text_once_is_not_believed(index: list[Any]) -> None:
    data = [{"index": each, "embedding": [1, 2]} for each in index]
    assert _code(json.dumps({"data": data}).encode(), count=2) == "embed.invalid_response"


@pytest.mark.parametrize("came", [0, 1, 3])
def test_another_number_of_vectors_than_texts_is_not_matched_up(came: int) -> None:
    assert _code(_body([[1, 2]] * came), count=2) == "embed.count_mismatch"


def test_another_length_than_expected_is_a_dimension_mismatch() -> None:
    assert _code(_body([[1, 2, 3]]), dimensions=4) == "embed.dimension_mismatch"
    assert _code(_body([[1, 2], [1, 2, 3]]), count=2) == "embed.dimension_mismatch"


def test_generated_text_is_known_for_what_it_is() -> None:
    body = b'{"object": "chat.completion", "choices": [{"message": {"content": "Hi"}}]}'
    assert _code(body) == "embed.not_embedding_model"


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [({"prompt_tokens": 9}, 9), ({"prompt_tokens": 0}, None), ({}, None), (None, None), (3, None)],
)
def test_the_servers_count_is_taken_where_there_is_one(usage: Any, tokens: int | None) -> None:
    answer = read_answer(_body([[1, 2]], usage=usage), count=1, dimensions=None)
    assert isinstance(answer, Answer)
    assert answer.tokens == tokens


@given(body=st.binary(max_size=200))
def test_no_bytes_whatever_raise(body: bytes) -> None:
    assert isinstance(read_answer(body, count=1, dimensions=None), Answer | Fault)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "index", "embedding", "usage", "choices", "error"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(answer=_json, data=st.lists(_json, max_size=2))
def test_no_json_whatever_raises(answer: Any, data: list[Any]) -> None:
    for body in (answer, {"data": data}, {"data": [{"index": 0, "embedding": answer}]}):
        result = read_answer(json.dumps(body).encode(), count=1, dimensions=None)
        assert isinstance(result, Answer | Fault)
