"""Texts longer than the model reads: vLLM refuses them, the others cut them and say nothing.

That a text was read to its end is seen without kb: another ending gives another vector.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from kb.pipeline.base import locate
from tests.servers.conftest import kb
from tests.servers.process import Server

pytestmark = pytest.mark.real_server

NOTES = 200
TEXTS = {
    "german": "Die Entkalkungsvorrichtung der Siebträgermaschine {n} muss regelmäßig überprüft "
    "werden, damit die Kesselschutzüberwachung zuverlässig anspricht.\n",
    "chinese": "合同第{n}号规定，个人消费者自签收之日起十四日内可以无理由退货，"
    "保修期为二十四个月。\n",
}
SENTENCES = 90
#: Cut by their own length alone, those sentences would make fewer passages than this.
LEAST_PASSAGES = 8
#: More than MiniLM reads, which is 256 tokens or 512, as the server has it.
TARGET = 1000


@pytest.mark.parametrize("language", TEXTS)
def test_a_long_passage_among_200_is_read_to_its_end_and_harms_no_other(
    tmp_path: Path, minilm_server: Server, language: str
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(NOTES):
        text = f"Clause {number} speaks of matter number {number * 7}.\n"
        (folder / f"{number:03}.md").write_text(text, encoding="utf-8")
    long = "".join(TEXTS[language].format(n=number) for number in range(SENTENCES))
    (folder / "long.md").write_text(long, encoding="utf-8")
    made = kb("init", cwd=tmp_path, env=minilm_server.settings)
    assert made.code == 0, made.err
    with (tmp_path / ".kb" / "kb.toml").open("a", encoding="utf-8") as toml:
        toml.write(f"\n[chunking]\ntarget_tokens = {TARGET}\n")
    told = kb("ingest", "notes", "--json", cwd=tmp_path, env=minilm_server.settings)
    assert told.code == 0, told.out + told.err
    assert told.json["documents"]["added"] == NOTES + 1
    assert told.json["chunks"]["failed"] == 0
    passages = stored(tmp_path, "long.md")
    assert len(passages) >= LEAST_PASSAGES
    for passage in passages:
        assert is_read_to_its_end(minilm_server, passage), f"{len(passage)} characters"


def test_this_test_would_see_a_text_that_is_cut(minilm_server: Server) -> None:
    """Otherwise the test above could not fail."""
    assert is_read_to_its_end(minilm_server, unknown_words(8))
    assert not is_read_to_its_end(minilm_server, unknown_words(400))


def is_read_to_its_end(server: Server, text: str) -> bool:
    """Tell whether the last words of a text move its vector; False where it is refused."""
    other = f"{text[:-20]} the warranty"
    answers = [server.embed([each]) for each in (text, other)]
    if any(answer.status_code != 200 for answer in answers):
        return False
    one, two = (np.array(answer.json()["data"][0]["embedding"]) for answer in answers)
    return bool(one @ two / np.linalg.norm(one) / np.linalg.norm(two) < 1 - 1e-6)


def unknown_words(count: int) -> str:
    """Give words of which each is many tokens, so that the text is longer than it looks."""
    chance = random.Random(7)
    words = ["".join(chance.choices("bcdfgkqxz", k=12)) for _ in range(count)]
    return " ".join(words) + "\n"


def stored(desk: Path, name: str) -> list[str]:
    """Give a document's passages as they are stored."""
    with locate(environ={}, cwd=desk).snapshot() as snapshot:
        found = snapshot.passages(range(1, 10_000))
    return [each.chunk.text for each in found.values() if each.path.endswith(name)]
