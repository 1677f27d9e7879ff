"""Writes what the Chinese table learns from: pairs.jsonl and passages.jsonl.

    python -m benchmarks.builtin_model.chinese_texts --repositories DIR --omw DIR --english DIR \
        --cili DIR --leave-out names.txt --out DIR

DIR holds one clone per source of `chinese_sources.py`, named `owner__name`; `--omw`, `--english`
and `--cili` are the clones that `benchmarks/bilingual/build.py` reads. `names.txt` holds one name
of a statute a line that is left out, as it is in a set that the model is measured on. A pair is
{"chinese", "english", "kind"}, a passage {"head", "text", "kind"}.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.builtin_model.chinese_align import aligned
from benchmarks.builtin_model.chinese_sources import PAGES, PAIRS, STATUTES, Pages, Pair

HAN: Final = re.compile(r"[\u4e00-\u9fff]")
ANCHOR: Final = re.compile(r'<a name="([^"]*)"></a>(.*)')
ARTICLE: Final = re.compile(r"^第[一二三四五六七八九十百千零]+条\s*")
CHAPTER: Final = re.compile(r"第[一二三四五六七八九十百零]+[编章节]\s*")
BRACKETS: Final = re.compile(r"[（(].*?[)）]")
MARKUP: Final = (
    (re.compile(r'<a name="[^"]*"></a>|\[!INCLUDE[^\]]*\]\([^)]*\)'), ""),
    (re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])"), r"\1"),
    (re.compile(r"<[^>]+>|\{\{[^}]*\}\}"), " "),
    (re.compile(r"`+|[*_]{2,}|https?://\S+"), ""),
    (re.compile(r"^\s*([#>|*+-]|\d+\.)+\s*"), ""),
    (re.compile(r"\s+"), " "),
)
LONGEST: Final = 1500


class Passage(NamedTuple):
    """A passage of a Chinese page or statute, and what stands above it."""

    head: str
    text: str
    kind: str


def plain(line: str) -> str:
    """Give a line of Markdown without its markup."""
    for pattern, instead in MARKUP:
        line = pattern.sub(instead, line)
    return line.strip()


def lines_of(page: str) -> list[str]:
    """Give the lines of a page that hold anything, without front matter; code is one mark."""
    page = page.replace("\r", "")
    page = re.sub(r"\A\ufeff?---.*?\n---", "", page, count=1, flags=re.DOTALL)
    page = re.sub(r"```.*?```", "\n```\n", page, flags=re.DOTALL)
    return [line for line in page.split("\n") if line.strip()]


def files_of(repositories: Path, pages: Pages) -> dict[str, str]:
    """Give the Markdown files of a source by their names under its folder.

    Raises `subprocess.CalledProcessError` where the clone or the commit is missing.
    """
    clone = repositories / pages.repository.replace("/", "__")
    command = ["git", "-C", str(clone), "archive", pages.commit, "--", f"{pages.folder}*.md"]
    packed = subprocess.run(command, check=True, capture_output=True).stdout
    found: dict[str, str] = {}
    with tarfile.open(fileobj=BytesIO(packed)) as tar:
        for member in tar:
            handle = tar.extractfile(member) if member.name.endswith(".md") else None
            if handle is not None and "TOC" not in member.name:
                name = member.name.removeprefix(pages.folder)
                found[name] = handle.read().decode("utf-8", "replace")
    return found


def is_pair(chinese: str, english: str) -> bool:
    """Say whether both sides are in their language and of lengths that fit."""
    han = len(HAN.findall(chinese))
    return (
        han >= max(2, len(chinese) / 4)
        and not HAN.search(english)
        and re.search("[A-Za-z]{2,}", english) is not None
        and 0.12 < len(chinese) / len(english) < 1.6
        and len(chinese) < LONGEST
    )


def pairs_of(repositories: Path, pair: Pair) -> Iterator[tuple[str, str, str]]:
    """Give the lines of the same pages in both languages that belong together."""
    english = files_of(repositories, pair.english)
    for name, page in files_of(repositories, pair.chinese).items():
        if name in english:
            for one, other in aligned(lines_of(page), lines_of(english[name]), plain):
                if is_pair(one, other):
                    yield one, other, pair.name


def sections(page: str) -> Iterator[tuple[str, str]]:
    """Give each heading as written, and the text under it."""
    head, under = "", list[str]()
    for line in [*lines_of(page), "# "]:
        heading = re.match(r"\s*#+\s*(.*)", line)
        if heading is None:
            under.append(plain(line))
            continue
        if under:
            yield head, " ".join(text for text in under if text)
        head, under = heading[1], []


def pages_of(repositories: Path, pages: Pages) -> Iterator[Passage]:
    """Give the sections of Chinese pages, with their headings as written."""
    kind = pages.repository.rpartition("/")[2]
    for page in files_of(repositories, pages).values():
        for head, text in sections(page):
            yield Passage(head, text[:LONGEST], kind)


def anchors_of(passages: Iterable[Passage]) -> Iterator[tuple[str, str, str]]:
    """Give the headings whose anchor still holds their English words."""
    for passage in passages:
        anchor = ANCHOR.search(passage.head)
        if anchor and HAN.search(anchor[2]):
            words = re.sub("-+", " ", re.sub(r"-\d+$", "", anchor[1]))
            yield plain(anchor[2]), words, "anchor"


def named(statute: str) -> str:
    """Give the name of a statute as names are compared."""
    name = statute.rpartition("/")[2].removesuffix(".md")
    return re.sub(r"中华人民共和国|[《》\s]", "", BRACKETS.sub("", name))


def articles_of(repositories: Path, left_out: Sequence[str]) -> Iterator[Passage]:
    """Give the articles of the statutes, under the statute's and the chapter's name."""
    without = {named(name) for name in left_out}
    for name, page in files_of(repositories, STATUTES).items():
        if named(name) in without:
            continue
        title = BRACKETS.sub("", name.rpartition("/")[2].removesuffix(".md"))
        chapter = ""
        for line in page.splitlines():
            heading = re.match(r"\s*#+\s*(.*)", line)
            if heading:
                chapter = CHAPTER.sub("", plain(heading[1]))
                continue
            text = ARTICLE.sub("", plain(line))
            if len(HAN.findall(text)) >= 20:
                head = f"{title} {chapter if chapter != title else ''}"
                yield Passage(head, text[:LONGEST], "statute")


def glosses(omw: Path, english: Path, cili: Path) -> Iterator[tuple[str, str, str]]:
    """Give Chinese words with the English members and the gloss of their synsets."""
    synsets: dict[str, str] = {}
    for file in sorted((english / "src" / "yaml").glob("*.yaml")):
        if not file.name.startswith(("noun", "verb", "adj", "adv")):
            continue
        for entry in re.split(r"^(?=\S)", file.read_text("utf-8"), flags=re.MULTILINE):
            number = re.search(r"^  ili: (\S+)", entry, re.MULTILINE)
            listed = re.search(r"^  members:\n((?:  - .*\n)+)", entry, re.MULTILINE)
            told = re.search(r"^  definition:\n  - (.*(?:\n    .*)*)", entry, re.MULTILINE)
            if number and listed:
                members = [line[4:].strip("'\"") for line in listed[1].splitlines()[:3]]
                gloss = " ".join(told[1].split()).strip("'\"") if told else ""
                synsets[number[1]] = ": ".join(filter(None, [", ".join(members), gloss]))
    numbers = (
        line.split() for line in (cili / "ili-map-pwn30.tab").read_text("utf-8").splitlines()
    )
    old = {parts[1]: parts[0] for parts in numbers if len(parts) > 1}
    for line in (omw / "wns/cow/wn-data-cmn.tab").read_text("utf-8").splitlines():
        fields = line.split("\t")
        word = re.sub(r"[+_\s]", "", fields[-1])
        gloss = synsets.get(old.get(fields[0], ""), "")
        known = len(fields) == 3 and fields[1].endswith("lemma") and gloss
        if known and re.fullmatch("[\u4e00-\u9fff]{1,8}", word):
            yield word, gloss, "wordnet"


def write(file: Path, rows: Iterable[tuple[str, str, str]], names: Sequence[str]) -> None:
    """Write the rows, each once, and say how many there are of each kind."""
    once = dict.fromkeys(rows)
    print(file.name, len(once), dict(Counter(kind for *_, kind in once)))
    told = (json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in once)
    file.write_text("".join(f"{line}\n" for line in told), "utf-8")


def main() -> None:
    """Collect, report the number of each kind on stdout, write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("repositories", "omw", "english", "cili", "leave-out", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    repositories = options.repositories
    options.out.mkdir(parents=True, exist_ok=True)
    sectioned = [each for pages in PAGES for each in pages_of(repositories, pages)]
    pairs = [row for pair in PAIRS for row in pairs_of(repositories, pair)]
    pairs += [*anchors_of(sectioned), *glosses(options.omw, options.english, options.cili)]
    write(options.out / "pairs.jsonl", pairs, ("chinese", "english", "kind"))
    left_out = options.leave_out.read_text("utf-8").splitlines()
    passages = [each._replace(head=plain(each.head)) for each in sectioned]
    passages = [
        each
        for each in passages
        if len(HAN.findall(each.head)) >= 3 and len(HAN.findall(each.text)) >= 15
    ]
    passages += articles_of(repositories, left_out)
    write(options.out / "passages.jsonl", passages, ("head", "text", "kind"))


if __name__ == "__main__":
    main()
