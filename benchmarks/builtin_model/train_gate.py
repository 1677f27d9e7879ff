"""Trains the language gate: a linear model on letter n-grams, English against other languages.

    python -m benchmarks.builtin_model.train_gate --repositories DIR --texts texts.jsonl --out DIR

Examples are runs of one to eight words, so that the model learns to judge queries; words are
scored one by one at run time (`kb.embed.builtin.language`). Writes gate.npy (int8 by bucket) and
prints the scale and bias to put beside it in gate.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from benchmarks.builtin_model import gate_words
from benchmarks.builtin_model.collect_texts import choose, source_blocks
from benchmarks.builtin_model.sources import GATE_SOURCES
from kb.embed.builtin.language import features_of, words_of

BUCKETS = 1 << 15
PER_LANGUAGE = 20_000
RUNS_PER_TEXT = 20
RUNS_PER_ITEM = 60
EPOCHS = 5
PEAK_RATE = 0.2
# The translated documentation still holds English paragraphs: only text with two of these counts.
COMMON = {
    "de": "der die das und ist nicht ein eine zu den von mit für auf werden wird des im",
    "es": "el la los las de que y en un una es por con para se del como",
    "fr": "le la les des et est une un que pour dans pas vous sur avec du qui",
    "it": "il la che di un una per non con del è in si sono della le questo",
    "pt": "o a os as de que e em um uma para não com do da é por se",
    "pl": "i w na z się jest nie do to że jak dla od przez są po",
    "tr": "ve bir bu için ile de da olarak olan gibi daha ya çok ne",
    "nl": "de het een en van is dat niet te op voor met zijn je in wordt",
}


def foreign_texts(repositories: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield (language, texts) with the texts that are in that language."""
    for language, sources in GATE_SOURCES.items():
        common = frozenset(COMMON[language].split())
        texts: list[str] = []
        for source in sources:
            folder = repositories / source.repository.replace("/", "__")
            texts += choose(source_blocks(folder, source), source.quota)
        yield language, [t for t in texts if len(common & set(words_of(t))) >= 2]


def runs(texts: list[str], count: int, random: np.random.Generator) -> list[list[str]]:
    """`count` runs of one to eight words from random places of random texts."""
    out: list[list[str]] = []
    while len(out) < count:
        words = words_of(texts[random.integers(len(texts))])
        size = int(random.integers(1, 9))
        if words:
            start = int(random.integers(0, max(1, len(words) - size + 1)))
            out.append(words[start : start + size])
    return out


def fit(examples: list[list[str]], labels: list[float], seed: int) -> tuple[torch.Tensor, float]:
    """Weight per bucket and bias of a logistic regression on summed word means."""
    torch.manual_seed(seed)
    order = np.random.default_rng(seed).permutation(len(examples))
    table = torch.nn.Parameter(torch.zeros(BUCKETS, 1))
    bias = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.Adam([table, bias], lr=PEAK_RATE)
    cache: dict[str, list[int]] = {}
    for epoch in range(EPOCHS):
        for group in optimiser.param_groups:
            group["lr"] = PEAK_RATE * (1 - epoch / EPOCHS)
        losses = []
        for start in range(0, len(order), 1024):
            batch = [examples[i] for i in order[start : start + 1024]]
            words = [w for example in batch for w in example]
            rows = [cache.setdefault(w, features_of(w, BUCKETS)) for w in words]
            offsets = np.cumsum([0] + [len(r) for r in rows[:-1]])
            flat = torch.as_tensor([b for r in rows for b in r])
            score = functional.embedding_bag(flat, table, torch.as_tensor(offsets), mode="mean")
            owner = torch.as_tensor(np.repeat(np.arange(len(batch)), [len(e) for e in batch]))
            total = torch.zeros(len(batch)).index_add(0, owner, score[:, 0]) + bias
            wanted = torch.tensor([labels[i] for i in order[start : start + 1024]])
            loss = functional.binary_cross_entropy_with_logits(total, wanted)
            loss = loss + 1e-5 * table.square().sum() / len(batch)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}")
    return table.detach()[:, 0], float(bias.detach())


def main() -> None:
    """Train on all languages, write the gate's weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    foreign: list[list[str]] = []
    for language, texts in foreign_texts(options.repositories):
        print(f"{language}: {len(texts)} texts")
        foreign += runs(texts, min(PER_LANGUAGE, RUNS_PER_TEXT * len(texts)), random)
    for block in gate_words.OTHER.values():
        foreign += runs(gate_words.items(block), RUNS_PER_ITEM * block.count(";"), random)
    trade = gate_words.items(gate_words.ENGLISH)
    english = [json.loads(line) for line in options.texts.read_text("utf-8").splitlines()]
    own = runs(trade, RUNS_PER_ITEM * len(trade), random)
    examples = own + runs(english, len(foreign) - len(own), random) + foreign
    labels = [1.0] * len(foreign) + [0.0] * len(foreign)
    weights, bias = fit(examples, labels, seed=0)
    highest = float(torch.quantile(weights.abs(), 0.999))  # a few outliers would coarsen the rest
    scale = highest / 127
    levels = np.rint(weights.numpy().clip(-highest, highest) / scale)
    options.out.mkdir(parents=True, exist_ok=True)
    np.save(options.out / "gate.npy", levels.astype(np.int8))
    (options.out / "gate.json").write_text(json.dumps({"scale": scale, "bias": bias}) + "\n")


if __name__ == "__main__":
    main()
