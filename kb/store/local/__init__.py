"""The embedded engine: SQLite holds the truth, FAISS files are derived from it."""
