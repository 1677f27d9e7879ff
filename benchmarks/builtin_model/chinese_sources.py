"""Where the Chinese table's texts come from; their licences stand in the data's NOTICE."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Files of a repository at a commit that begin with `folder`."""

    repository: str
    commit: str
    folder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The same pages in Chinese and English, and which share of the lessons they are."""

    name: str
    chinese: Pages
    english: Pages
    share: float


BIZTALK = Pages(
    repository="OPS-E2E-PPE/biztalk-docs.zh-CN", commit="4783f895d987cb13d919c7bd12ae52975b972123"
)
_OTEL = ("open-telemetry/opentelemetry.io", "dd5997c8b9fafbf72ea6b8059ade242d88b8f118")
_GUIDE = ("github/opensource.guide", "ebc9678e39b55ff5e5c8801d1960904692188e90")

PAIRS: tuple[Pair, ...] = (
    Pair(
        name="biztalk",
        chinese=BIZTALK,
        english=Pages(
            repository="MicrosoftDocs/biztalk-docs",
            commit="f6e8598c9730805467425037e0887ddfef575982",
        ),
        share=0.20,
    ),
    Pair(
        name="react",
        chinese=Pages(
            repository="reactjs/zh-hans.reactjs.org",
            commit="b02c22d6a49d3a41519ffc532cbd171675bca9ab",
            folder="content/",
        ),
        english=Pages(
            repository="reactjs/reactjs.org",
            commit="54a331d7eff285b87b6865b3ad65a5fea1a86547",
            folder="content/",
        ),
        share=0.05,
    ),
    Pair(
        name="opentelemetry",
        chinese=Pages(repository=_OTEL[0], commit=_OTEL[1], folder="content/zh/"),
        english=Pages(repository=_OTEL[0], commit=_OTEL[1], folder="content/en/"),
        share=0.03,
    ),
    Pair(
        name="guide",
        chinese=Pages(repository=_GUIDE[0], commit=_GUIDE[1], folder="_articles/zh-hans/"),
        english=Pages(repository=_GUIDE[0], commit=_GUIDE[1], folder="_articles/"),
        share=0.02,
    ),
)
#: The wordnets' words with their English glosses, and headings with the English of their anchors.
WORDNET_SHARE = 0.28
ANCHOR_SHARE = 0.20

#: Chinese pages with headings, for the lessons of heading and passage.
PAGES: tuple[Pages, ...] = (
    Pages(
        repository="MicrosoftDocs/Dynamics-365-Operations.zh-cn",
        commit="538f2536d40b4945a59f6e45dd0342976a33aaec",
        folder="articles/",
    ),
    Pages(
        repository="isabella232/OfficeDocs-AlchemyInsights-pr.zh-CN",
        commit="18dba735b4e88b1768f2c34e3be2cd34ae97f726",
    ),
    Pages(
        repository="MicrosoftDocs/partner-center-pr.zh-cn",
        commit="9f7712c62ac90e6e18392312339a82709820c74e",
    ),
    BIZTALK,
)
STATUTES = Pages(repository="LawRefBook/Laws", commit="2f4c5c23716267af9dbebbbbd6cbbf732b101981")
#: So many articles of statutes are used.
ARTICLES = 70_000
