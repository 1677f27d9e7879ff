"""The plan: whatever the store knows, stamps prove no more than everything it knows would."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.model import Source
from kb.pipeline.plan import Remembered, Wanted, make_plan
from kb.source import discover, sha256_of
from kb.store import KnownSource

NAMES = ["a.txt", "b.txt", "shelf/c.md", "shelf/d.zip", "shelf/deep/e.eml", "é.txt"]
MEMBERS = {"shelf/d.zip": ["x.txt", "y/z.zip", "y/z.zip/w.md"], "shelf/deep/e.eml": ["m.pdf"]}
#: Names of which nothing is there: removed, or never reached.
AWAY = ["gone.txt", "shelf/gone.md"]
STATES = ["indexed", "indexed", "indexed", "stale", "failed"]

collections = st.sampled_from(["default", "other"])
changes = st.sampled_from(["", "", "", "size", "mtime_ns", "inode", "sha256", "all"])


@st.composite
def knowledge(draw, sources):
    """Give some of the files, as a store may know them, and members of those that hold others."""
    known = {}
    for source in sources:
        if draw(st.booleans()) or draw(st.booleans()):
            known[source.path] = draw(known_of(source))
        for name in MEMBERS.get(source.path, ()):
            if draw(st.booleans()):
                inside = replace(source, path=f"{source.path}/{name}", size=7)
                known[inside.path] = draw(known_of(inside))
    for path in draw(st.lists(st.sampled_from(AWAY), unique=True)):
        away = Source(path=path, location=Path(path), size=0, mtime_ns=-1, inode=0)
        state = draw(st.sampled_from(["indexed", "failed"]))
        known[path] = replace(draw(known_of(away)), state=state, sha256="")
    return known


@st.composite
def known_of(draw, source):
    change = draw(changes)
    there = source.path in NAMES and change not in {"sha256", "all"}
    return KnownSource(
        path=source.path,
        collection=draw(collections),
        size=source.size + (change in {"size", "all"}),
        mtime_ns=source.mtime_ns + (change in {"mtime_ns", "all"}),
        inode=source.inode + (change in {"inode", "all"}),
        sha256=sha256_of(source) if there else "0",
        state=draw(st.sampled_from(STATES)),
        retriable=draw(st.integers(0, 5)) == 0,
    )


def stamps(known, collection):
    """Give what `Snapshot.stamps` would."""
    return {
        path: (each.size, each.mtime_ns, each.inode)
        if each.state == "indexed" and not each.retriable and collection in {None, each.collection}
        else None
        for path, each in known.items()
    }


@pytest.fixture(scope="module")
def root():
    with TemporaryDirectory() as name:
        for number, path in enumerate(NAMES):
            file = Path(name, "in", path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("x" * (number + 1), encoding="utf-8")
            os.utime(file, ns=(10**18 + number, 10**18 + number))
        yield Path(name, "in")


@given(data=st.data())
def test_stamps_change_nothing_about_a_plan(root, data):
    home = root / ".kb"
    sources = [each for each in discover([root], root=root, home=home) if isinstance(each, Source)]
    known = data.draw(knowledge(sources))
    force = data.draw(st.sampled_from([False, False, False, True]))
    chosen = st.sets(st.sampled_from(sorted([*NAMES, *known])))
    wanted = Wanted(
        collection=data.draw(st.none() | collections),
        force=force,
        only=data.draw(st.none() | chosen) if force else None,
        prune=data.draw(st.booleans()),
    )
    anew = data.draw(st.just(set()) | chosen)
    asked = data.draw(
        st.sampled_from([[root], [root / "shelf"], [root / "a.txt", root], [root / "gone.txt"]])
    )

    def planned(**proof):
        asks = {"anew": anew, "force": wanted.force, "only": wanted.only}
        remembered = Remembered(lambda: known, **asks, **proof)
        plan = make_plan(asked, root=root, home=home, remembered=remembered, wanted=wanted)
        # In which order unchanged files are counted is nobody's concern.
        assert len({*plan.unchanged}) == len(plan.unchanged)
        return replace(plan, unchanged=sorted(plan.unchanged), standing=sorted(plan.standing))

    assert planned(stamps=stamps(known, wanted.collection)) == planned()


def test_where_all_is_the_same_nothing_more_is_asked_of_the_store(root):
    known = {}
    for each in discover([root], root=root, home=root / ".kb"):
        known[each.path] = (each.size, each.mtime_ns, each.inode)
    remembered = Remembered(lambda: pytest.fail("all was loaded"), stamps=known)
    wanted = Wanted()
    plan = make_plan([root], root=root, home=root / ".kb", remembered=remembered, wanted=wanted)
    assert sorted(plan.unchanged) == sorted(NAMES)
    assert not plan.writes


@pytest.mark.parametrize("changed", ["size", "mtime_ns", "inode"])
def test_whatever_differs_the_bytes_are_asked(root, changed):
    [file] = list(discover([root / "a.txt"], root=root, home=root / ".kb"))
    former = replace(file, **{changed: getattr(file, changed) + 1})
    known = KnownSource(
        path=file.path,
        collection="default",
        size=former.size,
        mtime_ns=former.mtime_ns,
        inode=former.inode,
        sha256=sha256_of(file),
        state="indexed",
        retriable=False,
    )

    def plan(known):
        remembered = Remembered(
            lambda: {file.path: known},
            stamps={file.path: (known.size, known.mtime_ns, known.inode)},
        )
        return make_plan(
            [root / "a.txt"],
            root=root,
            home=root / ".kb",
            remembered=remembered,
            wanted=Wanted(),
        )

    same = plan(known)
    assert (same.touched, same.tasks, same.unchanged) == ([file], [], ["a.txt"])
    other = plan(replace(known, sha256="0"))
    assert ([task.source for task in other.tasks], other.unchanged) == ([file], [])
