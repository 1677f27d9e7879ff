"""What do the files say, page by page?

`extract` reads one file here and now; `open_extractor` reads many in worker processes that a
hostile file cannot take the program down with. Every format is one module with a `read`; the
table of them is `FORMATS`.
"""

from kb.extract.pool import Extractor, open_extractor
from kb.extract.registry import FORMATS, Format, extract, supported

__all__ = ["FORMATS", "Extractor", "Format", "extract", "open_extractor", "supported"]
