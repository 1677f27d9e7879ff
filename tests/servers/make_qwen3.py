"""Makes random models of Qwen3's shape; runs in vLLM's venv: make_qwen3.py FOLDER.

They have what matters to a client (2560 dimensions, a token at the end of each text, a tokenizer
that knows English and Chinese) and no meaning at all. `qwen3-2560` comes with the files that make
a server pool and normalise, `tiny-qwen3-chat` without them, as a model that chats does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCUMENTS = Path(__file__).parents[2] / "sample_docs"
END, BEGIN_TURN, END_TURN = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MODULES = ("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")
#: Only the shape differs: (hidden_size, intermediate_size, head_dim, context).
SHAPES = {"qwen3-2560": (2560, 512, 128, 32_768), "tiny-qwen3-chat": (64, 128, 32, 2048)}


def main(folder: str) -> None:
    tokenizer = _tokenizer()
    for name, shape in SHAPES.items():
        target = Path(folder) / name
        target.mkdir(parents=True, exist_ok=True)
        _save(target, tokenizer, *shape, embeds="chat" not in name)


def _texts() -> Iterator[str]:
    for path in sorted(DOCUMENTS.rglob("*")):
        if path.suffix in {".md", ".txt"}:
            yield path.read_bytes().decode("utf-8", errors="ignore")


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4000,
        special_tokens=[END, BEGIN_TURN, END_TURN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    return tokenizer


def _save(
    target: Path, tokenizer: Any, hidden: int, inner: int, head: int, context: int, *, embeds: bool
) -> None:
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=head,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.token_to_id(END),
        eos_token_id=tokenizer.token_to_id(END_TURN),
        initializer_range=0.05,
    )
    Qwen3ForCausalLM(config).save_pretrained(target)
    _save_tokenizer(target, tokenizer, context, embeds=embeds)
    if embeds:
        _save_pooling(target, hidden)


def _save_tokenizer(target: Path, tokenizer: Any, context: int, *, embeds: bool) -> None:
    from tokenizers import Tokenizer, processors
    from transformers import PreTrainedTokenizerFast

    own = Tokenizer.from_str(tokenizer.to_str())
    if embeds:
        end = (END, own.token_to_id(END))
        own.post_processor = processors.TemplateProcessing(
            single=f"$A {END}", pair=f"$A $B {END}", special_tokens=[end]
        )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=own,
        eos_token=END_TURN,
        pad_token=END,
        padding_side="left",
        model_max_length=context,
    )
    fast.chat_template = CHAT
    fast.save_pretrained(target)


def _save_pooling(target: Path, hidden: int) -> None:
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(MODULES)
    ]
    pooling = {"word_embedding_dimension": hidden, "pooling_mode_lasttoken": True}
    for name in ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"):
        pooling[f"pooling_mode_{name}"] = False
    (target / "1_Pooling").mkdir(exist_ok=True)
    for name, content in (("modules.json", modules), ("1_Pooling/config.json", pooling)):
        (target / name).write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
