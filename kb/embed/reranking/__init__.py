"""How well does each of a few passages answer a question?

A reranker reads question and passage together, and so orders the first passages of a search
better than vectors and words do. vLLM, Jina, Cohere, infinity, llama.cpp and text-embeddings-
inference are spoken to. Nothing one answers is believed unchecked.

    addresses   which addresses a setting may mean     answers   scores from an answer
    prompts     what is written around both            refusals  what a refusal means
    client      the questions that are sent

It stands in this room because HTTP is spoken here alone.
"""

from __future__ import annotations

from kb.embed.reranking.client import Reranker, Scores
from kb.embed.reranking.options import RerankOptions

__all__ = ["RerankOptions", "Reranker", "Scores"]
