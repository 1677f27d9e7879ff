"""How much of a web page's text, and how little else, do readers keep?

    python -m benchmarks.pages FOLDER [--show PAGE]

FOLDER holds `manifest.jsonl` (`id`, `file`, `truth`), the pages, and the text that a person would
keep of each. Printed is the F1 of the words (bags of words; a Chinese or Japanese character is a
word) for kb and, where they are installed, for trafilatura and readability-lxml, with the time that
each took for all pages. `--show` prints the words that kb has too many or too few on one page.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from kb.errors import StageError
from kb.extract.web.html import read
from kb.model import Source

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")

Reader = Callable[[bytes], str]


def words(text: str) -> Counter[str]:
    """Give the words of a text with how often each comes."""
    return Counter(_WORD.findall(text.lower()))


def f1(found: str, truth: str) -> tuple[float, float, float]:
    """Give precision, recall and F1 of the words in `found`."""
    mine, theirs = words(found), words(truth)
    common = (mine & theirs).total()
    if not common:
        return 0.0, 0.0, float(not theirs and not mine)
    precision, recall = common / mine.total(), common / theirs.total()
    return precision, recall, 2 * precision * recall / (precision + recall)


def _kb(data: bytes) -> str:
    try:
        place = Path("page.html")
        source = Source(path="page.html", location=place, size=len(data), mtime_ns=0, inode=0)
        return read(data, source).text
    except StageError as error:
        return error.failure.code


def readers() -> dict[str, Reader]:
    """Give kb and those of the others that are installed."""
    found: dict[str, Reader] = {"kb": _kb}
    try:
        import trafilatura

        found["trafilatura"] = lambda data: trafilatura.extract(data, include_comments=False) or ""
        found["…recall"] = lambda data: (
            trafilatura.extract(data, include_comments=False, favor_recall=True) or ""
        )
    except ImportError:
        pass
    try:
        import readability
        from lxml import html

        found["readability"] = lambda data: html.fromstring(
            readability.Document(data).summary()
        ).text_content()
    except ImportError:
        pass
    return found


def score_page(
    folder: Path, page: dict[str, str], able: dict[str, Reader], seconds: dict[str, float]
) -> list[tuple[float, float, float]]:
    """Give what each reader reaches on one page; the time that it takes is added up."""
    data = (folder / page["file"]).read_bytes()
    truth = (folder / page["truth"]).read_text(encoding="utf-8")
    row = []
    for name, reader in able.items():
        began = time.perf_counter()
        text = reader(data)
        seconds[name] += time.perf_counter() - began
        row.append(f1(text, truth))
    return row


def show(folder: Path, page: dict[str, str]) -> None:
    """Print the words that kb has too many or too few."""
    mine = words(_kb((folder / page["file"]).read_bytes()))
    theirs = words((folder / page["truth"]).read_text(encoding="utf-8"))
    print("  too many:", *(mine - theirs))
    print("  missing: ", *(theirs - mine))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", help="print what differs on this page")
    asked = parser.parse_args()
    lines = (asked.folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    able = readers()
    scores: list[list[float]] = []
    seconds = dict.fromkeys(able, 0.0)
    print(f"{'page':28}" + "".join(f"{name:>13}" for name in able) + "    kb: precision, recall")
    for page in (json.loads(line) for line in lines if line):
        row = score_page(asked.folder, page, able, seconds)
        scores.append([score[2] for score in row])
        cells = "".join(f"{score:13.3f}" for score in scores[-1])
        print(f"{page['id'][:28]:28}{cells}    {row[0][0]:.2f} {row[0][1]:.2f}")
        if asked.show == page["id"]:
            show(asked.folder, page)
    for title, give in (("mean", statistics.mean), ("lowest", min)):
        print(f"{title:28}" + "".join(f"{give(each):13.3f}" for each in zip(*scores, strict=True)))
    print(f"{'seconds for all':28}" + "".join(f"{seconds[name]:13.2f}" for name in able))


if __name__ == "__main__":
    main()
