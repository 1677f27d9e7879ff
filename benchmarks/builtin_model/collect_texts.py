"""Writes the teacher texts of the built-in model: one JSON string a line, 20 to 420 characters.

    python -m benchmarks.builtin_model.collect_texts --repositories DIR --out texts.jsonl

DIR holds one clone per source, named `owner__name` (work tree or bare). Files are read from the
commit in `sources.py`, whatever is checked out; CPython docstrings come from the running Python's
standard library (3.11.7 was used). The choice among a source's texts is by hash, so it depends on
neither order nor machine.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import html
import io
import json
import re
import subprocess
import sysconfig
import tarfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from benchmarks.builtin_model.sources import SOURCES, STDLIB_QUOTA, Source

SHORTEST, LONGEST = 20, 420
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"“'(])")
ABBREVIATION = re.compile(r"(?:\b[A-Z]|\b(?:Dr|Mr|Mrs|Ms|St|vs|etc|Fig|No|al|e\.g|i\.e|U\.S))\.$")
WORD = re.compile(r"[A-Za-z]{2,}")
REFERENCE = re.compile(r"https?://|doi:|Accessed |Retrieved from|\b(?:19|20)\d\d\. [A-Z\"“]")
OPEN_LICENCE = re.compile(r"licenses/by/|publicdomain/|Creative Commons (?:Attribution|Public Dom)")
CLOSED_LICENCE = re.compile(r"by-n[cd]|by-sa|non-?commercial|sharealike|noderiv", re.IGNORECASE)
C1 = re.compile(r"[\x80-\x9f]")  # Windows-1252 punctuation written as control characters
MARKUP = re.compile(r"</?[a-z][^>]*>|\{[{%].*?[%}]\}|!\[[^\]]*\]\([^)]*\)|\[!\w+\]|\[@[^\]]*\]")
LINK = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])")


def selected(name: str, patterns: Iterable[str]) -> bool:
    """Say whether a pattern matches `name` and no `!pattern` does."""
    split = [(p.startswith("!"), p.removeprefix("!")) for p in patterns]
    hit = {excludes for excludes, pattern in split if fnmatchcase(name, pattern)}
    return hit == {False}


def archived_files(repository: Path, source: Source) -> Iterator[str]:
    """Yield the decoded content of the source's files at its commit, in path order.

    Raises `subprocess.CalledProcessError` where the clone or the commit is missing.
    """

    def git(*arguments: str) -> bytes:
        command = ["git", "-C", str(repository), *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout

    listed = git("ls-tree", "-r", "--name-only", "-z", source.commit).decode().split("\0")
    wanted = [name for name in listed if name and selected(name, source.paths)]
    for start in range(0, len(wanted), 500):
        archive = git("archive", source.commit, "--", *wanted[start : start + 500])
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                handle = tar.extractfile(member) if member.isfile() else None
                if handle is not None:
                    yield handle.read().decode("utf-8", "replace")


def _inner_text(element: ET.Element, skip: frozenset[str]) -> str:
    """Text of an element without the children whose tag is in `skip` (their tails are kept)."""
    parts = [element.text or ""]
    for child in element:
        if child.tag.rpartition("}")[2] not in skip:
            parts.append(_inner_text(child, skip))
        parts.append(child.tail or "")
    return "".join(parts)


def _xml_blocks(content: str, tags: frozenset[str], skip: frozenset[str]) -> Iterator[str]:
    try:
        root = ET.fromstring(content)
    except ET.ParseError:
        return
    for element in root.iter():
        if element.tag.rpartition("}")[2] in tags:
            yield _inner_text(element, skip)


def cnxml_blocks(content: str) -> Iterator[str]:
    """Paragraphs, titles and list items of a textbook module; formulas and notes left out."""
    skip = frozenset({"math", "media", "figure", "table", "footnote", "list", "note", "para"})
    yield from _xml_blocks(content, frozenset({"para", "title", "item"}), skip)


def jats_blocks(content: str) -> Iterator[str]:
    """Paragraphs and titles of an article that states an open licence; else nothing."""
    stated = " ".join(re.findall(r"<permissions>.*?</permissions>", content, re.DOTALL))
    if not OPEN_LICENCE.search(stated) or CLOSED_LICENCE.search(stated):
        return
    body = re.sub(r"<(back|permissions)>.*?</\1>", "", content, flags=re.DOTALL)
    skip = frozenset({"inline-formula", "disp-formula", "fig", "table-wrap", "fn", "xref", "list"})
    plain = re.sub(r"\s?[\[(](?:\s*<xref[^>]*>[^<]*</xref>[,–;-]?)+\s*[\])]", "", body)
    yield from _xml_blocks(plain, frozenset({"p", "title", "article-title"}), skip)


def markdown_blocks(content: str) -> Iterator[str]:
    """Paragraphs, headings and list items; code, tables, front matter and markup left out."""
    content = content.replace("\r\n", "\n")
    content = re.sub(r"\A\ufeff?---\n.*?\n---\n", "", content, flags=re.DOTALL)
    content = re.sub(r"```.*?```|<!--.*?-->|<script.*?</script>", "", content, flags=re.DOTALL)
    content = re.sub(r"(?m)^\s*(?:[-*+]|\d+\.|#+|>)\s+", "\n\n", content)
    for block in re.split(r"\n\s*\n", content):
        if not block.lstrip().startswith(("|", "{", "<Listing", ":::")):
            plain = MARKUP.sub("", LINK.sub(r"\1", MARKUP.sub("", block)))
            yield re.sub(r"[*`]+|(?<!\w)_|_(?!\w)", "", plain)


def factbook_blocks(content: str) -> Iterator[str]:
    """Every string value of a country profile, tags removed."""
    stack: list[object] = [json.loads(content)]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack += node.values()
        elif isinstance(node, str):
            yield from re.split(r"<[^>]+>|\n", node)


def stdlib_blocks() -> Iterator[str]:
    """Paragraphs of the docstrings of the standard library's public modules."""
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if {"site-packages", "test", "tests", "idlelib", "lib2to3"} & set(path.parts):
            continue
        try:
            tree = ast.parse(path.read_text("utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                yield from re.split(r"\n\s*\n", ast.get_docstring(node) or "")


READERS: dict[str, Callable[[str], Iterator[str]]] = {
    "cnxml": cnxml_blocks,
    "jats": jats_blocks,
    "markdown": markdown_blocks,
    "factbook": factbook_blocks,
}


def sentences(block: str) -> list[str]:
    """Sentences of a block, in order; whitespace folded, no cut after an abbreviation."""
    out: list[str] = []
    plain = C1.sub(lambda m: m[0].encode("latin-1").decode("cp1252", "ignore"), block)
    for part in SENTENCE_END.split(" ".join(html.unescape(plain).split())):
        if out and ABBREVIATION.search(out[-1]):
            out[-1] += f" {part}"
        else:
            out.append(part)
    return out


def pieces(block: str) -> Iterator[str]:
    """Teacher texts of a block: its sentences, or runs of two or three of them, by hash."""
    left = sentences(block)
    while left:
        size = (1, 1, 2, 3)[hashlib.sha256(left[0].encode("utf-8", "replace")).digest()[0] % 4]
        yield " ".join(left[:size])
        left = left[size:]


def is_useful(text: str) -> bool:
    """Say whether it is prose of the wanted length: mostly words, no bibliography line."""
    letters = sum(map(len, WORD.findall(text)))
    return (
        SHORTEST <= len(text) <= LONGEST
        and letters >= 0.7 * len(text)
        and len(WORD.findall(text)) >= 3
        and not REFERENCE.search(text)
    )


def choose(blocks: Iterable[str], quota: int) -> list[str]:
    """At most `quota` useful, distinct texts: those with the smallest SHA-256."""
    found = {text for block in blocks for text in pieces(block) if is_useful(text)}
    return sorted(found, key=lambda t: hashlib.sha256(t.encode("utf-8", "replace")).hexdigest())[
        :quota
    ]


def source_blocks(repository: Path, source: Source) -> Iterator[str]:
    """Yield the raw blocks of every file of one source."""
    for content in archived_files(repository, source):
        yield from READERS[source.form](content)


def main() -> None:
    """Collect, report the number of texts per source on stdout, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    chosen: dict[str, None] = {}
    for source in SOURCES:
        repository = options.repositories / source.repository.replace("/", "__")
        texts = choose(source_blocks(repository, source), source.quota)
        print(f"{len(texts):6} {source.repository} ({source.licence})")
        chosen |= dict.fromkeys(texts)
    stdlib = choose(stdlib_blocks(), STDLIB_QUOTA)
    print(f"{len(stdlib):6} CPython standard library docstrings (PSF-2.0)")
    chosen |= dict.fromkeys(stdlib)
    lines = sorted(chosen, key=lambda t: hashlib.sha256(t.encode("utf-8", "replace")).digest())
    options.out.write_text("".join(json.dumps(t) + "\n" for t in lines), encoding="utf-8")
    print(f"{len(lines):6} in all")


if __name__ == "__main__":
    main()
