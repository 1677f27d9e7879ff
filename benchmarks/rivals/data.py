"""`python -m benchmarks.rivals.data FOLDER COUNT DIMENSIONS`: what every side is given alike.

Every other text is Chinese with an English word here and there, the rest are English: made words,
as often as words of a language are.

Writes `vectors.npy`, `texts.jsonl`, `questions.npy`, `question.npy` (the first of them) and
`truth.json`: for each question the rows of its ten nearest vectors, found by comparing with all.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from itertools import accumulate, islice
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.store_data import Cloud, Floats

QUESTIONS: Final = 200
TOP: Final = 10
_BLOCK: Final = 5000
#: About as many bytes as an English text has.
_CHINESE_WORDS: Final = 120


def batches(folder: Path, size: int) -> Iterator[tuple[int, Floats, list[str]]]:
    """Give the number of the first passage, the vectors and the texts, batch after batch."""
    width = dimensions(folder)
    # Read and not mapped: mapped pages would count as the memory of whoever reads them.
    with (folder / "vectors.npy").open("rb") as numbers, _texts(folder).open("rb") as lines:
        numbers.seek(np.load(folder / "vectors.npy", mmap_mode="r").offset)
        start = 0
        while len(block := np.fromfile(numbers, np.float32, size * width).reshape(-1, width)):
            yield start, block, [json.loads(line) for line in islice(lines, len(block))]
            start += len(block)


def dimensions(folder: Path) -> int:
    """Give how long the vectors are."""
    return int(np.load(folder / "vectors.npy", mmap_mode="r").shape[1])


def prepare(folder: Path, cloud: Cloud) -> None:
    """Write everything into the folder."""
    questions = cloud.questions(QUESTIONS).astype(np.float32)
    np.save(folder / "questions.npy", questions)
    np.save(folder / "question.npy", questions[0])
    shape = (cloud.count, cloud.dimensions)
    vectors = np.lib.format.open_memmap(
        folder / "vectors.npy", mode="w+", dtype=np.float32, shape=shape
    )
    scores = np.empty((QUESTIONS, cloud.count), np.float32)
    for start, block in cloud.blocks(_BLOCK):
        vectors[start : start + len(block)] = block
        scores[:, start : start + len(block)] = questions @ block.T
    vectors.flush()
    nearest = np.argsort(-scores, axis=1)[:, :TOP]
    (folder / "truth.json").write_text(json.dumps(nearest.tolist()), encoding="utf-8")
    with _texts(folder).open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(text) + "\n" for text in islice(texts(), cloud.count))


def texts() -> Iterator[str]:
    """Give made texts without end, English and Chinese in turn, the same every time."""
    from benchmarks.store_base import Writing

    english, chance = Writing(), random.Random(2)
    signs = [chr(code) for code in chance.sample(range(0x4E00, 0x9FA5), 3000)]
    lengths = chance.choices((1, 2, 3), (1, 3, 1), k=20_000)
    words = ["".join(chance.choices(signs, k=length)) for length in lengths]
    weights = list(accumulate(1 / (rank + 1) for rank in range(len(words))))
    while True:
        yield english.text()
        said = chance.choices(words, cum_weights=weights, k=_CHINESE_WORDS)
        ends = chance.choices(("", "，", "。", " web "), (85, 9, 5, 1), k=_CHINESE_WORDS)
        yield "".join(part for pair in zip(said, ends, strict=True) for part in pair) + "。"


def _texts(folder: Path) -> Path:
    return folder / "texts.jsonl"


def main() -> None:
    folder, count, width = sys.argv[1:]
    prepare(Path(folder), Cloud(count=int(count), dimensions=int(width), matryoshka=False))


if __name__ == "__main__":
    main()
