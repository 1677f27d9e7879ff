"""Trains the Chinese half of the built-in model on the texts of `chinese_texts.py`.

    python -m benchmarks.builtin_model.train_chinese --model DIR --texts DIR --vocabulary FILE \
        --opencc FILE --out DIR

The student is one vector for each character and word of FILE, pooled as kb/embed/builtin/chinese.py
pools them. First the vector of a Chinese line is drawn to what the English table gives its English
side; then to the teacher's vector of it, turned into the table's space, and that of a sentence or a
heading to that of the passage it is from, against the other passages of the batch. Needs torch,
transformers and tokenizers (see README.md). The table does not come out bit for bit.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from benchmarks.builtin_model.chinese_lessons import Passages, rows_of_passages, table_of
from benchmarks.builtin_model.chinese_sources import ANCHOR_SHARE, PAIRS, WORDNET_SHARE
from benchmarks.builtin_model.train import Floats, Rows, embed, load_teacher, pooled, unit
from kb.embed.builtin import load_static_model
from kb.embed.builtin.chinese import FILES, ChineseTable, digest
from kb.embed.builtin.language import EnglishGate

SHARES = {pair.name: pair.share for pair in PAIRS} | {
    "wordnet": WORDNET_SHARE,
    "anchor": ANCHOR_SHARE,
}
TEMPERATURE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """How long and with what a stage trains; `passages` of a batch, and what their loss counts."""

    steps: int
    rate: float
    batch: int
    passages: int = 0
    weight: float = 0.0


FIRST = Stage(steps=750, rate=3e-2, batch=512)
SECOND = Stage(steps=400, rate=4e-2, batch=384, passages=192, weight=0.5)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Token rows of the Chinese lines, unit vectors for them, and which lines are of each kind."""

    rows: Sequence[Rows]
    targets: Floats
    kinds: Mapping[str, NDArray[np.int64]]

    def chosen(self, random: np.random.Generator, count: int) -> list[int]:
        """Choose lines by the share of their kind."""
        names = [name for name in SHARES if len(self.kinds.get(name, ()))]
        shares = np.array([SHARES[name] for name in names])
        drawn = random.choice(len(names), count, p=shares / shares.sum())
        return [int(random.choice(self.kinds[names[at]])) for at in drawn]


def english_vectors(texts: Sequence[str]) -> Floats:
    """Give the English table's vectors, whatever its gate says of a text."""
    everything = EnglishGate(np.zeros(1, np.int8), 0.0, 1.0, other_script_share=2.0)
    vectors, _ = replace(load_static_model(), gate=everything).encode(texts)
    return vectors


def teacher_vectors(folder: Path, texts: Sequence[str], table: Floats) -> Floats:
    """Give the teacher's vectors, turned so that they lie nearest to those of the table."""
    model, tokenizer = load_teacher(folder)
    tokenizer.enable_truncation(96)
    once = list(dict.fromkeys(texts))
    found = unit(embed(model, [each.ids for each in tokenizer.encode_batch(once)], 64))
    at = {text: row for row, text in enumerate(once)}
    full = found[[at[text] for text in texts]]
    left, _, right = np.linalg.svd(full.T @ table, full_matrices=False)
    return unit(full @ (left @ right))


def start_table(pairs: Pairs, passages: Passages, tokens: int) -> Floats:
    """Give each token the mean of the lines it is in, less the mean of all, rare ones the most."""
    total = np.zeros((tokens, pairs.targets.shape[1]), np.float32)
    lines = np.zeros(tokens)
    often = np.zeros(tokens)
    centre = np.mean([pairs.targets[of].mean(0) for of in pairs.kinds.values()], axis=0)
    for rows, target in zip(pairs.rows, pairs.targets, strict=True):
        np.add.at(often, rows, 1)
        each = np.unique(rows)
        total[each] += (target - centre) / len(each)
        lines[each] += 1 / len(each)
    for rows in passages.texts[::3]:
        np.add.at(often, rows, 3)
    mean = unit(total) * (lines > 0)[:, None]
    share = often / often.sum()
    return (mean * (1e-4 / (1e-4 + share))[:, None]).astype(np.float32)


def fit(pairs: Pairs, passages: Passages, start: Floats, stage: Stage, *, seed: int) -> Floats:
    """Give the table after a stage of Adam with cosine decay; prints the losses."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    table = torch.nn.Parameter(torch.tensor(start))
    peak = stage.rate * float(np.abs(start).mean())
    optimiser = torch.optim.Adam([table], lr=peak, betas=(0.9, 0.99))
    for step in range(stage.steps):
        warm = min(1.0, (step + 1) / 30)
        for group in optimiser.param_groups:
            group["lr"] = peak * warm * 0.5 * (1 + math.cos(math.pi * step / stage.steps))
        chosen = pairs.chosen(random, stage.batch)
        got = pooled(table, [pairs.rows[at] for at in chosen])
        loss = (1 - (got * torch.tensor(pairs.targets[chosen])).sum(1)).mean()
        told = [float(loss.detach())]
        if stage.passages:
            asked, answers = passages.chosen(random, stage.passages)
            alike = pooled(table, asked) @ pooled(table, answers).T / TEMPERATURE
            ranking = functional.cross_entropy(alike, torch.arange(len(asked)))
            told.append(float(ranking.detach()))
            loss = loss + stage.weight * ranking
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % 250 == 0 or step == stage.steps - 1:
            print(step + 1, *(f"{value:.4f}" for value in told))
    return table.detach().numpy()


def read(file: Path) -> list[dict[str, Any]]:
    """Read a file of one JSON object a line."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def pairs_in(file: Path, table: ChineseTable) -> tuple[Pairs, list[str]]:
    """Give the pairs whose Chinese side has a known token, and their English sides."""
    kept: list[tuple[Rows, str, str]] = []
    for line in read(file):
        rows = np.array(table.rows_of(line["chinese"]), np.int64)
        if len(rows):
            kept.append((rows, line["english"], line["kind"]))
    english = [text for _, text, _ in kept]
    targets = english_vectors(english)
    kinds = defaultdict(list)
    for at, (_, _, kind) in enumerate(kept):
        if targets[at].any():
            kinds[kind].append(at)
    of = {kind: np.array(lines, np.int64) for kind, lines in kinds.items()}
    return Pairs([rows for rows, _, _ in kept], targets, of), english


def write_model(out: Path, trained: Floats, table: ChineseTable) -> None:
    """Write the files of the Chinese half to `out`, without tokens that were never met."""
    kept = np.flatnonzero(np.linalg.norm(trained, axis=1) > 0)
    scales = (np.abs(trained[kept]).max(1) / 127).astype(np.float32)
    tokens = list(table.rows)
    known = [tokens[row] for row in kept]
    letters = set("".join(known))
    pairs = sorted((chr(old), new) for old, new in table.simplified.items() if new in letters)
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / FILES[0], np.rint(trained[kept] / scales[:, None]).astype(np.int8))
    np.save(out / FILES[1], scales)
    (out / FILES[2]).write_text("".join(f"{token}\n" for token in known), "utf-8")
    both = ("".join(pair[side] for pair in pairs) for side in (0, 1))
    (out / FILES[3]).write_text("".join(f"{side}\n" for side in both), "utf-8")
    (out / "chinese.sha256").write_text(f"{digest(out)}\n", "ascii")


def main() -> None:
    """Train both stages and write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "texts", "vocabulary", "opencc", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    words = options.vocabulary.read_text("utf-8").split()
    table = table_of(words, options.opencc.read_text("utf-8"))
    pairs, english = pairs_in(options.texts / "pairs.jsonl", table)
    random = np.random.default_rng(options.seed)
    passages = rows_of_passages(read(options.texts / "passages.jsonl"), table, random)
    start = start_table(pairs, passages, len(table.rows))
    trained = fit(pairs, passages, start, FIRST, seed=options.seed)
    taught = replace(pairs, targets=teacher_vectors(options.model, english, pairs.targets))
    trained = fit(taught, passages, trained, SECOND, seed=options.seed)
    write_model(options.out, trained, table)


if __name__ == "__main__":
    main()
