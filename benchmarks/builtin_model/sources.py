"""Where the teacher texts of the built-in model come from: repository, commit, licence, files.

Every licence below was read in the repository at the commit named (and, for the textbooks, in the
collection file too: some book repositories carry two licences that disagree; those are not used).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """One public repository and how many of its texts are used.

    `paths` are fnmatch patterns (`*` also crosses folders, `!` excludes), `form` names the reader
    in `collect_texts.READERS`, `quota` is the largest number of texts taken.
    """

    repository: str
    commit: str
    licence: str
    paths: tuple[str, ...]
    form: str
    quota: int


SOURCES: tuple[Source, ...] = (
    Source(
        "openstax/osbooks-introduction-anthropology",
        "418eedd9bef21ec1a6fa1b472c0d82c084e35c70",
        "CC BY 4.0",
        ("modules/*.cnxml",),
        "cnxml",
        4500,
    ),
    Source(
        "openstax/osbooks-principles-economics-bundle",
        "cd31beb103fffbc09cc81ebfe117d8c40cc12d1a",
        "CC BY 4.0",
        ("modules/*.cnxml",),
        "cnxml",
        5000,
    ),
    Source(
        "openstax/osbooks-physics",
        "ff78c7a8150fdda5ed1f786ac59ac25cdd532ef0",
        "CC BY 4.0",
        ("modules/*.cnxml",),
        "cnxml",
        4000,
    ),
    Source(
        "openstax/osbooks-nursing-external-bundle",
        "7876f90a3dbdc0756e21a374d4a46526d0ac453b",
        "CC BY 4.0",
        ("modules/*.cnxml",),
        "cnxml",
        6000,
    ),
    Source(
        "openstax/osbooks-introduction-intellectual-property",
        "be76c2d982080df077b6f7f7f784d0bbbc37ee8b",
        "CC BY 4.0",
        ("modules/*.cnxml",),
        "cnxml",
        1500,
    ),
    Source(
        "PLOS/allofplos",
        "07fdeed848b2816a7fbf7da6418ef6e2076e1960",
        "CC BY or public domain (stated in each article; others are skipped)",
        ("allofplos/starter_corpus/*.xml",),
        "jats",
        6500,
    ),
    Source(
        "greenelab/deep-review",
        "44ff95a2756bd03a32c046eb8983ac9c4f223b0a",
        "CC BY 4.0",
        ("content/*.md",),
        "markdown",
        1000,
    ),
    Source(
        "MicrosoftDocs/dynamics365smb-docs",
        "41aa5854d6fd0c6eacf01d5dc91327a04ab9eae9",
        "CC BY 4.0",
        ("business-central/*.md",),
        "markdown",
        4500,
    ),
    Source(
        "basecamp/policies",
        "d39f6f17bbd90d82b1df9fa7a0df845edd487de0",
        "CC BY 4.0",
        ("*.md", "!LICENSE.md"),
        "markdown",
        700,
    ),
    Source(
        "github/site-policy",
        "12992597c5d9d8cfc006693c54b9609d9993bc99",
        "CC0 1.0",
        ("Policies/*.md",),
        "markdown",
        1500,
    ),
    Source(
        "department-of-veterans-affairs/vagov-content",
        "5d2beb6948242bbe4bc86bbc5eb9e1df509b4f50",
        "CC0 1.0",
        ("pages/*.md", "fragments/*.yml"),
        "markdown",
        800,
    ),
    Source(
        "GSA/digitalgov.gov",
        "4979583206d90ff1707b097454a9b169ca9e95e4",
        "CC0 1.0",
        ("content/guides/*.md", "content/resources/*.md", "content/news/201*.md"),
        "markdown",
        3000,
    ),
    Source(
        "18F/handbook",
        "1e4955634d0369f17e5bbc0ebbf8f62e2a3dfe4b",
        "CC0 1.0",
        ("pages/*.md",),
        "markdown",
        1500,
    ),
    Source(
        "rust-lang/book",
        "917544888a55e4da7109bdba8c88c893c0da70f4",
        "MIT or Apache-2.0",
        ("src/*.md",),
        "markdown",
        1800,
    ),
    Source(
        "factbook/factbook.json",
        "8662a8b17a784841ab4528631b04090eb2f183eb",
        "CC0 1.0 (text by the US government, public domain)",
        ("*.json", "!package.json", "!meta/*"),
        "factbook",
        2500,
    ),
)

STDLIB_QUOTA = 2200
STDLIB_LICENCE = "PSF-2.0"

_REACT = ("content/docs/*.md", "content/blog/*.md", "content/community/*.md", "src/content/*.md")
# Text in other languages, for the language gate only: what the static model does not know.
GATE_SOURCES: dict[str, tuple[Source, ...]] = {
    "de": (
        Source(
            "bundestag/gesetze",
            "77abca2ceea3b7b89ea70afb13b5dd55415eb124",
            "public domain (Unlicense; German statutes carry no copyright)",
            ("[a-z]/b*/index.md", "[a-z]/g*/index.md", "[a-z]/h*/index.md", "[a-z]/z*/index.md"),
            "markdown",
            20000,
        ),
        Source(
            "reactjs/de.reactjs.org",
            "7ba2e013b185471d56bbf2279568e55bd534b43d",
            "CC BY 4.0",
            _REACT,
            "markdown",
            5000,
        ),
    ),
    "es": (
        Source(
            "openstax/osbooks-fisica-universitaria-bundle",
            "dcfa34b3a56bfd87ec7caf25e9b90de82f8e80a1",
            "CC BY 4.0",
            ("modules/*.cnxml",),
            "cnxml",
            10000,
        ),
        Source(
            "reactjs/es.reactjs.org",
            "5730b62b42f6047ea4617168a7489f741c31f0a0",
            "CC BY 4.0",
            _REACT,
            "markdown",
            5000,
        ),
    ),
    "fr": (
        Source(
            "reactjs/fr.reactjs.org",
            "417f70cae80626b88a000a2d23882e0848a7e2d7",
            "CC BY 4.0",
            _REACT,
            "markdown",
            10000,
        ),
    ),
    "it": (
        Source(
            "reactjs/it.reactjs.org",
            "7e1b14be83dc0f9e9820d6de212547f78b6beb27",
            "CC BY 4.0",
            _REACT,
            "markdown",
            10000,
        ),
    ),
    "pt": (
        Source(
            "reactjs/pt-br.reactjs.org",
            "7148d38bb21a66e519ce3751a424b0032c9a2e53",
            "CC BY 4.0",
            _REACT,
            "markdown",
            10000,
        ),
    ),
    "pl": (
        Source(
            "reactjs/pl.reactjs.org",
            "aac7d477e10a999b6cda02f9df040e9994e3b5d1",
            "CC BY 4.0",
            _REACT,
            "markdown",
            5000,
        ),
    ),
    "tr": (
        Source(
            "reactjs/tr.reactjs.org",
            "5dd4604664fbe160275867c50b0cbc8dcc573313",
            "CC BY 4.0",
            _REACT,
            "markdown",
            5000,
        ),
    ),
    "nl": (
        Source(
            "reactjs/nl.reactjs.org",
            "a1f7ad267feb0752ab9aecf2cf7d9adb2170456c",
            "CC BY 4.0",
            _REACT,
            "markdown",
            5000,
        ),
    ),
}
