"""Trains the built-in static table from all-MiniLM-L6-v2 and the texts of `collect_texts.py`.

    python -m benchmarks.builtin_model.train --model DIR --texts texts.jsonl --out DIR

The student is one vector per token, pooled by a weighted mean; the loss is 1 - cosine to the
teacher's sentence vector, projected on the first 256 principal axes of the teacher's vectors.
Needs torch, transformers and tokenizers (see README.md); CPU minutes. `--steps 0` writes the
untrained distillation, for comparison.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import AutoModel, PreTrainedModel

TEACHER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DIMENSIONS = 256
BATCH = 256
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Lesson:
    """Training pairs: token rows of each text and the teacher's unit vector, (n, 256)."""

    rows: list[Rows]
    targets: Floats


def load_teacher(folder: Path) -> tuple[PreTrainedModel, Tokenizer]:
    """Teacher and tokenizer from a local folder. Raises ValueError on other weights."""
    weights = (folder / "model.safetensors").read_bytes()
    found = hashlib.sha256(weights).hexdigest()
    if found != TEACHER_SHA256:
        raise ValueError(f"model.safetensors has sha256 {found}, expected {TEACHER_SHA256}")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    return AutoModel.from_pretrained(str(folder), local_files_only=True).eval(), tokenizer


def embed(model: PreTrainedModel, sequences: Sequence[Sequence[int]], batch: int) -> Floats:
    """Mean of the last hidden states over each sequence, (n, 384)."""
    out = np.zeros((len(sequences), 384), np.float32)
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    with torch.inference_mode():
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            width = max(len(sequences[i]) for i in chosen)
            ids = torch.zeros(len(chosen), width, dtype=torch.long)
            mask = torch.zeros(len(chosen), width, dtype=torch.long)
            for line, i in enumerate(chosen):
                ids[line, : len(sequences[i])] = torch.tensor(sequences[i])
                mask[line, : len(sequences[i])] = 1
            hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
            pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            out[chosen] = pooled.numpy()
    return out


def kept_tokens(tokenizer: Tokenizer) -> list[tuple[str, int]]:
    """(token, teacher id) in vocabulary order without the unused slots; special tokens stay."""
    ordered = sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])
    return [(t, i) for t, i in ordered if not re.fullmatch(r"\[unused\d+\]", t)]


def unit(rows: Floats) -> Floats:
    """Rows scaled to length one."""
    lengths: Floats = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.maximum(lengths, 1e-12)).astype(np.float32)


def prepare(
    model: PreTrainedModel, tokenizer: Tokenizer, texts: list[str]
) -> tuple[Lesson, Floats]:
    """Training pairs and the start table: centred token vectors on the teacher's axes, SIF."""
    tokens = kept_tokens(tokenizer)
    singles = embed(model, [[101, i, 102] for _, i in tokens], 256)
    encoded = [e.ids for e in tokenizer.encode_batch(texts)]
    teacher = unit(embed(model, encoded, 64))
    axes = np.linalg.svd(teacher.T @ teacher)[0][:, :DIMENSIONS]
    share = 1 / np.arange(2, len(tokens) + 2)  # Zipf: the vocabulary is ordered by frequency
    weight = 1e-4 / (1e-4 + share / share.sum())
    start = (singles - singles.mean(0)) @ axes
    start = start / np.linalg.norm(start, axis=1).mean() * weight[:, None]
    row_of = {i: row for row, (token, i) in enumerate(tokens) if token not in SPECIAL}
    rows = [np.array([row_of[i] for i in ids if i in row_of] or [0], np.int64) for ids in encoded]
    return Lesson(rows, unit(teacher @ axes)), start.astype(np.float32)


def pooled(table: torch.Tensor, rows: Sequence[Rows]) -> torch.Tensor:
    """Take the unit mean of the table's rows for each text, (n, 256)."""
    offsets = np.cumsum([0] + [len(r) for r in rows[:-1]])
    flat = torch.as_tensor(np.concatenate(rows))
    bags = functional.embedding_bag(flat, table, torch.as_tensor(offsets), mode="mean")
    return functional.normalize(bags, dim=1)


def held_out_cosine(table: torch.Tensor, lesson: Lesson, first: int) -> float:
    """Mean cosine between student and teacher on the texts from `first` on."""
    with torch.no_grad():
        got = pooled(table, lesson.rows[first:])
        return float((got * torch.tensor(lesson.targets[first:])).sum(1).mean())


def fit(lesson: Lesson, start: Floats, *, steps: int, seed: int) -> Floats:
    """Table after `steps` of Adam with cosine decay; prints the held-out cosine around it."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    table = torch.nn.Parameter(torch.tensor(start))
    peak = 3e-2 * float(np.abs(start).mean())
    optimiser = torch.optim.Adam([table], lr=peak, betas=(0.9, 0.99))
    count = len(lesson.rows) - min(1000, len(lesson.rows) // 10)
    print(f"held-out cosine before {held_out_cosine(table, lesson, count):.4f}")
    for step in range(steps):
        warm = min(1.0, (step + 1) / 30)
        for group in optimiser.param_groups:
            group["lr"] = peak * warm * 0.5 * (1 + math.cos(math.pi * step / steps))
        chosen = random.integers(0, count, BATCH)
        got = pooled(table, [lesson.rows[i] for i in chosen])
        loss = (1 - (got * torch.tensor(lesson.targets[chosen])).sum(1)).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    print(f"held-out cosine after  {held_out_cosine(table, lesson, count):.4f}")
    return table.detach().numpy()


def write_model(out: Path, table: Floats, tokens: Iterable[str]) -> None:
    """Write table.npy (int8 rows), scales.npy (float32 per row) and vocab.txt to `out`."""
    scales = np.abs(table).max(1) / 127 + 1e-12
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "table.npy", np.rint(table / scales[:, None]).astype(np.int8))
    np.save(out / "scales.npy", (scales / scales.max()).astype(np.float32))
    words = "\n".join("" if t in SPECIAL else t for t in tokens)
    (out / "vocab.txt").write_text(words + "\n", encoding="utf-8")


def main() -> None:
    """Train and write the model; the teacher's vectors are kept in `--cache` if given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    model, tokenizer = load_teacher(options.model)
    if options.cache and options.cache.exists():
        lesson, start = torch.load(options.cache, weights_only=False)
    else:
        lines = options.texts.read_text("utf-8").splitlines()
        lesson, start = prepare(model, tokenizer, [json.loads(line) for line in lines])
        if options.cache:
            torch.save((lesson, start), options.cache)
    table = fit(lesson, start, steps=options.steps, seed=options.seed)
    write_model(options.out, table, [t for t, _ in kept_tokens(tokenizer)])


if __name__ == "__main__":
    main()
