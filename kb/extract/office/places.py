"""Where the placeholders of a slide stand when the slide itself does not say so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lxml import etree

from kb.extract.office.drawing import Place
from kb.extract.office.package import Package, Relation
from kb.extract.xml import child

#: Kinds of placeholders that take the place of another kind in the layout.
_ALIKE = {"ctrTitle": "title", "subTitle": "body", "obj": "body"}
_Known = list[tuple[str, str, Place]]


def placeholder(shape: etree._Element) -> tuple[str, str]:
    """Give a placeholder's kind and index; ("", "") for any other shape."""
    mark = shape.find("./*/{*}nvPr/{*}ph")
    return ("", "") if mark is None else (mark.get("type", "obj"), mark.get("idx", "0"))


def _alike(kind: str) -> str:
    return _ALIKE.get(kind, kind)


@dataclass(frozen=True, slots=True)
class Places:
    """The places that the layouts and masters of one presentation give, each read once."""

    package: Package
    _known: dict[str, _Known] = field(default_factory=dict)

    def of(self, threads: Iterable[Relation]) -> Callable[[etree._Element], Place | None]:
        """Give what finds the place of a shape on a slide with these relations."""
        layout = next((each.target for each in threads if each.kind == "slideLayout"), "")
        above = self.package.relations(layout) if layout else ()
        master = next((each.target for each in above if each.kind == "slideMaster"), "")
        known = [*self._read(layout), *self._read(master)]

        def find(shape: etree._Element) -> Place | None:
            kind, index = placeholder(shape)
            if not kind:
                return None
            same = [one[2] for one in known if one[:2] == (kind, index)]
            same += [one[2] for one in known if one[1] == index]
            same += [one[2] for one in known if _alike(one[0]) == _alike(kind)]
            return next(iter(same), None)

        return find

    def _read(self, name: str) -> _Known:
        if name not in self._known:
            tree = child(self.package.whole_part(name), "cSld", "spTree")
            shapes = tree.iter("{*}sp", "{*}pic") if tree is not None else ()
            self._known[name] = [
                (*placeholder(shape), place)
                for shape in shapes
                if placeholder(shape)[0] and (place := Place.read(shape)) is not None
            ]
        return self._known[name]
