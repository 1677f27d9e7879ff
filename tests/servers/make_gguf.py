"""Writes MiniLM as one file for llama.cpp; runs in its venv: make_gguf.py MODEL_FOLDER FILE.

The layout (names of the tensors and fields) is that of llama.cpp's architecture "bert".
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

#: Names in the checkpoint and in the file, without ".weight" and ".bias".
OUTER = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "token_embd_norm",
}
LAYER = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}


def main(folder: str, file: str) -> None:
    import gguf
    from safetensors.numpy import load_file

    source = Path(folder)
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(file, "bert")
    writer.add_name(source.name)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _add_tokens(writer, source, config["type_vocab_size"])
    for name, tensor in load_file(source / "model.safetensors").items():
        renamed = _renamed(name)
        if renamed is not None:
            writer.add_tensor(renamed, tensor.astype("float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokens(writer: Any, source: Path, types: int) -> None:
    from gguf import TokenType

    words = (source / "vocab.txt").read_text(encoding="utf-8").splitlines()
    kinds = [_kind(word, TokenType) for word in words]
    plain = [
        _as_llama_spells(word) if kind == TokenType.NORMAL else word
        for word, kind in zip(words, kinds, strict=True)
    ]
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(plain)
    writer.add_token_types(kinds)
    writer.add_token_type_count(types)
    writer.add_bos_token_id(words.index("[CLS]"))
    writer.add_eos_token_id(words.index("[SEP]"))
    writer.add_sep_token_id(words.index("[SEP]"))
    writer.add_unk_token_id(words.index("[UNK]"))
    writer.add_pad_token_id(words.index("[PAD]"))
    writer.add_mask_token_id(words.index("[MASK]"))
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(True)


def _kind(word: str, kinds: Any) -> Any:
    if word.startswith("[unused"):
        return kinds.UNUSED
    return kinds.CONTROL if word in {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"} else kinds.NORMAL


def _as_llama_spells(word: str) -> str:
    """Mark where words begin; the checkpoint's vocabulary marks where they go on."""
    return word[2:] if word.startswith("##") else f"\u2581{word}"


def _renamed(name: str) -> str | None:
    """Give a tensor's name in the file; None for what llama.cpp works out itself or leaves out."""
    base, ending = name.rsplit(".", 1)
    if base in OUTER:
        return f"{OUTER[base]}.{ending}"
    parts = base.split(".", 3)
    if parts[0] != "encoder":
        return None
    return f"blk.{parts[2]}.{LAYER[parts[3]]}.{ending}"


if __name__ == "__main__":
    main(*sys.argv[1:])
