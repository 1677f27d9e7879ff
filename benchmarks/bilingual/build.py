"""Makes kb/search/glosses/words.txt: for each Chinese word, up to two English ones.

    python -m benchmarks.bilingual.build --omw DIR --english DIR --cili DIR --out FILE

DIR are clones of omwn/omw-data, globalwordnet/english-wordnet and globalwordnet/cili at the commits
that kb/search/glosses/NOTICE names. Chinese Open Wordnet ties words to synsets of WordNet 3.0, the
Collaborative Interlingual Index those to the synsets of Open English WordNet, whose members are
the English words. Of these, the ones that most of a word's synsets share come first, the commoner
one (by its place in the built-in model's vocabulary) first where that leaves a doubt.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

KEPT: Final = 2
LONGEST: Final = 8  # characters; longer entries are descriptions rather than words
_UNKNOWN: Final = 1 << 20
_CHINESE: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_PARTS: Final = ("noun", "verb", "adj", "adv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("omw", "english", "cili", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    synsets = dict(english(options.english / "src" / "yaml"))
    numbers = (line.split() for line in lines(options.cili / "ili-map-pwn30.tab"))
    members = {old: synsets[ili] for ili, old, *_ in numbers if ili in synsets}
    places = {piece: at for at, piece in enumerate(vocabulary())}
    glosses = sorted(chosen(options.omw / "wns/cow/wn-data-cmn.tab", members, places))
    text = "".join(f"{word}\t{', '.join(found)}\n" for word, found in glosses)
    options.out.write_text(text, encoding="utf-8")
    print(f"{len(glosses):,} words, {len(text.encode()):,} bytes")


def lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def vocabulary() -> list[str]:
    return lines(Path(__file__).parents[2] / "kb/embed/builtin/data/vocab.txt")


def english(folder: Path) -> Iterator[tuple[str, Sequence[str]]]:
    """Interlingual number and members of each synset; the files are YAML of one plain form."""
    for file in sorted(folder.glob("*.yaml")):
        if not file.name.startswith(_PARTS):
            continue
        for entry in re.split(r"^(?=\S)", file.read_text(encoding="utf-8"), flags=re.MULTILINE):
            number = re.search(r"^  ili: (\S+)", entry, re.MULTILINE)
            listed = re.search(r"^  members:\n((?:  - .*\n)+)", entry, re.MULTILINE)
            if number and listed:
                yield number[1], [line[4:].strip("'\"") for line in listed[1].splitlines()]


def chosen(
    file: Path, members: Mapping[str, Sequence[str]], places: Mapping[str, int]
) -> Iterator[tuple[str, Sequence[str]]]:
    """Chinese words with their English ones, the best first."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines(file):
        synset, _, word = (*line.split("\t"), "", "")[:3]
        word = word.replace("+", "")
        found = members.get(synset) or members.get(synset.replace("-a", "-s")) or ()
        if _CHINESE.fullmatch(word) and len(word) <= LONGEST:
            for at, name in enumerate(found):
                votes[word][name] += 1 / (at + 1)  # type: ignore[assignment]

    def common(name: str) -> int:
        return max(places.get(part, _UNKNOWN) for part in name.lower().split())

    for word, counted in votes.items():
        ranked = sorted(counted.items(), key=lambda each: (-each[1], common(each[0]), each[0]))
        if ranked:
            yield word, [name for name, _ in ranked[:KEPT]]


if __name__ == "__main__":
    main()
