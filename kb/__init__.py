"""A retrieval knowledge base: documents in, exactly cited passages out."""

__version__ = "0.1.0"
