"""What do the files say, page by page?

`extract` reads one file here and now; `open_extractor` reads many in worker processes that a
hostile file cannot take the program down with. Every format is one module with a `read`; the
table of them is `FORMATS`.
"""

from kb.extract.archive.inside import is_container
from kb.extract.pool import Extractor, open_extractor
from kb.extract.registry import FORMATS, Format, extract, reads_by_now, supported, too_large

__all__ = [
    "FORMATS",
    "Extractor",
    "Format",
    "extract",
    "is_container",
    "open_extractor",
    "reads_by_now",
    "supported",
    "too_large",
]
