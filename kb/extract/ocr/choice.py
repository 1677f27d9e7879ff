"""Which engine is there to recognise letters, and what is said where there is none.

The environment of the process says how; `open_extractor` sets that of its workers.

KB_OCR            auto (the default), off, tesseract or rapidocr
KB_OCR_LANGUAGES  tesseract's names of languages, e.g. eng+deu; else the usual ones it has
KB_OCR_SECONDS    for one file with all of its pages; else an hour
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Final

from kb.extract.ocr.reading import Engine, Missing

_INSTALL: Final = (
    "Install an engine that recognises letters: `pip install 'clausekb[ocr]'`, or "
    "`apt install tesseract-ocr tesseract-ocr-chi-sim`; then `kb retry --stage extract`."
)
NONE: Final = Missing(
    message="No engine that recognises letters is installed.",
    hint=_INSTALL,
)
OFF: Final = Missing(
    message="Recognising letters is switched off.",
    hint="Set KB_OCR, or ocr.engine in kb.toml, to auto, then `kb retry --stage extract`.",
)
_OFF: Final = frozenset({"off", "no", "none", "0", "false"})
_ENDINGS: Final = frozenset({"pdf", "png", "jpg", "jpeg", "tif", "tiff", "bmp"})
#: Tesseract takes a path for a language, and a hyphen for an option.
_LANGUAGE: Final = re.compile(r"[A-Za-z]\w*(?:/[A-Za-z]\w*)?", re.ASCII)


def engine() -> Engine | Missing:
    """Give the engine to use, or why there is none. Asked once for each setting."""
    wanted = os.environ.get("KB_OCR", "").strip().lower()
    languages = os.environ.get("KB_OCR_LANGUAGES", "")
    return _engine(wanted, languages, os.environ.get("PATH", ""))


def reads_pictures(path: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether recognising letters may take time for a file of this name.

    It starts no program and imports nothing.
    """
    ending = path.lower().rpartition(".")[2]
    if ending not in _ENDINGS or environ.get("KB_OCR", "").strip().lower() in _OFF:
        return False
    return shutil.which("tesseract") is not None or _has_rapidocr()


@cache
def _engine(wanted: str, languages: str, path: str) -> Engine | Missing:
    del path  # where the command is looked for
    if wanted in _OFF:
        return OFF
    asked = [name for name in re.split(r"[+,\s]+", languages) if name]
    if wrong := [name for name in asked if not _LANGUAGE.fullmatch(name)]:
        return Missing(
            message=f"KB_OCR_LANGUAGES names no language: {wrong[0]}.",
            hint="Name those that `tesseract --list-langs` shows, joined by +, for instance "
            "eng+chi_sim; then `kb retry --stage extract`.",
        )
    found: Engine | Missing | None = None
    if wanted != "rapidocr":
        from kb.extract.ocr import with_tesseract

        found = with_tesseract.find(asked)
    if wanted != "tesseract" and (found is None or isinstance(found, Missing)) and _has_rapidocr():
        from kb.extract.ocr.with_rapidocr import RapidOcr

        # Languages that were asked for and are not there are not replaced by others.
        found = found if asked and found is not None else RapidOcr()
    return NONE if found is None else found


def _has_rapidocr() -> bool:
    try:
        return find_spec("rapidocr_onnxruntime") is not None
    except (ImportError, ValueError):
        return False
