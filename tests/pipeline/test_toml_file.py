"""Settings change in a file that a person wrote; all else in it stays as it was."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import UsageError
from kb.pipeline.toml_file import changed, settle, unsettled, write_beside

MINE = """\
# My knowledge base.
[embedding]  # the GPU box
base_url = "http://one:8000/v1"  # moved in May
model = 'a'
query_template = \"\"\"
ask:
{text}\"\"\"

[search]
mode = "dense" # I like it
"""
NAMES = ["embedding.base_url", "embedding.model", "embedding.dimensions", "chunking.target_tokens"]


def flat(text: str) -> dict[str, object]:
    return {f"{t}.{k}": v for t, table in tomllib.loads(text).items() for k, v in table.items()}


def test_only_the_lines_that_change_change():
    made = changed(MINE, {"embedding.base_url": "http://two/v1", "chunking.target_tokens": 90})
    assert made == MINE.replace("http://one:8000/v1", "http://two/v1") + (
        "\n[chunking]\ntarget_tokens = 90\n"
    )


def test_a_setting_is_taken_out_with_all_its_lines():
    made = changed(MINE, {"embedding.query_template": None, "embedding.dimensions": 5})
    assert "ask" not in made
    assert flat(made) == {
        "embedding.base_url": "http://one:8000/v1",
        "embedding.model": "a",
        "embedding.dimensions": 5,
        "search.mode": "dense",
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        'embedding.model = "x"\nembedding.base_url = "y"\n',
        'embedding = { model = "x", base_url = "y" }\n',
        '[embedding]\n"model" = "x"\n\n[chunking]\n',
        "[embedding]\r\nmodel = 'x'\r\n",
    ],
)
def test_every_way_to_write_it(text):
    wanted = {"embedding.model": "new", "embedding.dimensions": 7, "chunking.target_tokens": 9}
    made = flat(changed(text, wanted))
    assert {name: made[name] for name in wanted} == wanted
    assert {k: v for k, v in made.items() if k not in wanted} == {
        k: v for k, v in flat(text).items() if k not in wanted
    }


values = st.dictionaries(
    st.sampled_from(NAMES),
    st.one_of(st.none(), st.integers(1, 9), st.text(st.characters(exclude_categories=["Cs"]))),
)


@given(first=values, then=values)
def test_what_was_written_is_read(first, then):
    made = changed(changed(MINE, first), then)
    wanted = {k: v for k, v in (flat(MINE) | first | then).items() if v is not None}
    assert flat(made) == wanted
    assert 'mode = "dense" # I like it' in made


def test_a_file_that_cannot_be_changed_is_left_alone():
    with pytest.raises(UsageError, match="cannot change"):
        changed("embedding = {}\n", {"embedding.model": "y"})


def test_the_new_file_waits_for_its_generation(tmp_path):
    (tmp_path / "kb.toml").write_text(MINE)
    write_beside(tmp_path, 7, {"embedding.model": "new"}, head="")
    assert unsettled(tmp_path)
    assert not settle(tmp_path, 6)
    assert (tmp_path / "kb.toml").read_text() == MINE
    assert settle(tmp_path, 7)
    assert 'model = "new"' in (tmp_path / "kb.toml").read_text()
    assert not unsettled(tmp_path)
    write_beside(tmp_path, 8, {"embedding.model": "other"}, head="")
    write_beside(tmp_path, 9, {"embedding.model": "another"}, head="")
    assert [path.name for path in tmp_path.glob("kb.toml.*")] == ["kb.toml.generation-9"]
