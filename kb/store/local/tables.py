"""Names that a reader needs before it needs what is done with what they name."""

from __future__ import annotations

from typing import Final

#: One table of words for each generation that is kept, so that the words of one count nothing in
#: the ranking of another, and a switch moves none of them. `generations.words` says which is whose.
WORDS: Final = ("words", "words_second", "words_third")
#: The folder of the segments, in that of the knowledge base.
FOLDER: Final = "index"
