"""How often is the encoding of an old text file told rightly, wrongly, or refused?

    python -m benchmarks.encodings FOLDER [--lengths 30,100,1000] [--show]

FOLDER holds texts in UTF-8, one language each, `LANGUAGE.txt` (ISO 639-3). Pieces of each are
written in every code page that people used for the language, and told by kb and, where they are
installed, by charset-normalizer and chardet. An answer is right when the text that comes out is
the one that went in, whatever the encoding is called; pieces of ASCII alone are left out.
`--show` names the languages and encodings that kb has wrong.
"""

from __future__ import annotations

import argparse
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from kb.errors import StageError
from kb.extract.plain.encoding import decode

_WEST = ("cp1252", "latin-1", "iso8859_15", "mac_roman", "cp850", "cp437")
_EAST = ("cp1250", "iso8859_2", "cp852")
#: The code pages in which each language was written.
WRITTEN = {
    **dict.fromkeys(("cat", "dan", "deu", "fin", "fra", "isl", "ita", "nld", "nob"), _WEST),
    **dict.fromkeys(("por", "spa", "swe", "eng"), _WEST),
    **dict.fromkeys(("ces", "hrv", "hun", "pol", "slk", "slv", "ron"), _EAST),
    **dict.fromkeys(("est", "lav", "lit"), ("cp1257", "iso8859_13")),
    "tur": ("cp1254",), "vie": ("cp1258",), "ell": ("cp1253", "iso8859_7"),
    "heb": ("cp1255",), "arb": ("cp1256", "iso8859_6"), "pes": ("cp1256",), "tha": ("cp874",),
    "rus": ("cp1251", "koi8_r", "iso8859_5", "cp866"), "ukr": ("cp1251", "koi8_u"),
    "bul": ("cp1251", "iso8859_5"), "srp": ("cp1251", "iso8859_5"),
    "jpn": ("shift_jis", "euc_jp", "iso2022_jp"), "kor": ("euc_kr", "cp949"),
    "cmn_hans": ("gbk", "gb18030"), "cmn_hant": ("big5", "big5hkscs"),
}  # fmt: skip
_UNICODE = ("utf-8", "utf-16-le", "utf-16-be", "utf-16", "utf-32-le", "utf-32")
#: Circumflex, breve and horn.
_VOWEL_MARKS = "\u0302\u0306\u031b"
_PIECES = 12

Teller = Callable[[bytes], str | None]


def _kb(data: bytes) -> str | None:
    try:
        return decode(data)[0]
    except StageError:
        return None


def tellers() -> dict[str, Teller]:
    """Give kb and those of the others that are installed."""
    found: dict[str, Teller] = {"kb": _kb}
    try:
        from charset_normalizer import from_bytes

        def normalizer(data: bytes) -> str | None:
            best = from_bytes(data).best()
            return None if best is None else str(best)

        found["charset-normalizer"] = normalizer
    except ImportError:
        pass
    try:
        import chardet

        def by_chardet(data: bytes) -> str | None:
            name = chardet.detect(data)["encoding"]
            return data.decode(name, "replace") if name else None

        found["chardet"] = by_chardet
    except ImportError:
        pass
    return found


def _tones_apart(text: str) -> str:
    """Write Vietnamese as its code page does: the tone is a mark of its own."""
    found = []
    for char in unicodedata.normalize("NFC", text):
        base, *marks = unicodedata.normalize("NFD", char)
        vowel = unicodedata.normalize("NFC", base + "".join(m for m in marks if m in _VOWEL_MARKS))
        found.append(vowel + "".join(m for m in marks if m not in _VOWEL_MARKS))
    return "".join(found)


def pieces(folder: Path, length: int) -> Iterator[tuple[str, str, str, bytes]]:
    """Give language, encoding, text and bytes of each piece of about `length` characters."""
    for path in sorted(folder.glob("*.txt")):
        text = path.read_text(encoding="utf-8").lstrip("\ufeff")
        name = path.stem if path.stem.startswith("cmn") else path.stem[:3]
        if name == "vie":
            text = _tones_apart(text)
        step = max(1, (len(text) - length) // _PIECES)
        for start in range(0, step * _PIECES, step):
            piece = text[start : start + length]
            for encoding in (*WRITTEN.get(name, ()), *_UNICODE):
                try:
                    data = piece.encode(encoding)
                except UnicodeEncodeError:
                    continue
                if not piece.isascii():
                    yield name, encoding, piece, data


def main() -> None:
    """Print right, wrong and refused in per cent."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lengths", default="30,100,1000")
    parser.add_argument("--show", action="store_true")
    asked = parser.parse_args()
    for length in map(int, asked.lengths.split(",")):
        for kind in ("code pages", "Unicode"):
            told = [
                p for p in pieces(asked.folder, length) if (p[1] in _UNICODE) == (kind[0] == "U")
            ]
            for name, tell in tellers().items():
                wrong: Counter[tuple[str, str]] = Counter()
                refused: Counter[tuple[str, str]] = Counter()
                for language, encoding, text, data in told:
                    answer = tell(data)
                    if answer is None:
                        refused[language, encoding] += 1
                    elif answer != text:
                        wrong[language, encoding] += 1
                bad, none = wrong.total(), refused.total()
                shares = [100 * n / len(told) for n in (len(told) - bad - none, bad, none)]
                print(
                    f"{length:5d} {kind:11} {name:19} {len(told):5d} pieces: right "
                    f"{shares[0]:5.1f} %, wrong {shares[1]:4.1f} %, refused {shares[2]:4.1f} %"
                )
                if asked.show and name == "kb":
                    print("   wrong:", *(f"{'/'.join(k)}:{n}" for k, n in wrong.most_common(25)))
                    print(
                        "   refused:", *(f"{'/'.join(k)}:{n}" for k, n in refused.most_common(40))
                    )


if __name__ == "__main__":
    main()
