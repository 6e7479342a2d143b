"""YAML as nested mappings and lists of text.

Conventions
-----------
Every scalar stays the text it was written as: ``no`` is "no", ``10`` is "10". The document is built from the parser's
events, one after another: a hostile file can neither nest so deep that the process crashes, nor grow by references to
references, nor contain itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

_DEEPEST = 100
_LARGEST = 5_000_000
"""Values of a document with every reference written out; the largest dictionaries have 2 million."""


class PlainYamlError(ValueError):
    """Why a text is no YAML that may be read; the rest of a sentence that begins with the file's name."""


@dataclass(slots=True)
class _Collection:
    """A list or mapping under construction, and how many nodes it holds."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    key: str | None = None
    size: int = 1

    def add(self, value: Any, size: int) -> None:  # noqa: ANN401 -- whatever YAML can hold
        self.size += size
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.key is None:
            if not isinstance(value, str):
                raise PlainYamlError("uses a list or a mapping as a key")
            self.key = value
        else:
            self.value[self.key] = value
            self.key = None


@dataclass(slots=True)
class _Document:
    """The nodes that are open, and those that can be referred to."""

    open: list[_Collection] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    size: int = 0
    root: Any = None

    def begin(self, collection: _Collection) -> None:
        self.open.append(collection)
        if len(self.open) > _DEEPEST:
            raise PlainYamlError(f"nests more than {_DEEPEST} levels deep")

    def end(self) -> None:
        closed = self.open.pop()
        self.add(closed.value, closed.size, closed.anchor)

    def refer(self, anchor: str) -> None:
        if anchor not in self.anchors:
            raise PlainYamlError(f"refers to {anchor!r}, which is not there or contains the reference itself")
        self.add(*self.anchors[anchor])

    def add(self, value: Any, size: int, anchor: str | None = None) -> None:  # noqa: ANN401 -- as above
        if size > _LARGEST:
            raise PlainYamlError(f"holds more than {_LARGEST} values once its references are written out")
        if anchor is not None:
            self.anchors[anchor] = (value, size)
        if self.open:
            self.open[-1].add(value, size)
        else:
            self.root = value


def parse_yaml(text: str) -> Any:  # noqa: ANN401 -- whatever YAML can hold
    """The first document of a text: nested dicts, lists and str; None when it holds nothing.

    Raises
    ------
    PlainYamlError
        When it is not valid, nests too deep, or grows too large.
    """
    import yaml

    document = _Document()
    try:
        for event in yaml.parse(text, Loader=_loader()):
            if isinstance(event, yaml.ScalarEvent):
                document.add(event.value, 1, event.anchor)
            elif isinstance(event, yaml.MappingStartEvent):
                document.begin(_Collection({}, event.anchor))
            elif isinstance(event, yaml.SequenceStartEvent):
                document.begin(_Collection([], event.anchor))
            elif isinstance(event, yaml.CollectionEndEvent):
                document.end()
            elif isinstance(event, yaml.AliasEvent):
                document.refer(str(event.anchor))
            elif isinstance(event, yaml.DocumentEndEvent):
                return document.root
    except (yaml.YAMLError, UnicodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise PlainYamlError(f"is not valid YAML{f' at line {mark.line + 1}' if mark is not None else ''}") from error
    return None


@cache
def _loader() -> type[yaml.BaseLoader]:
    """The parser in C where PyYAML was built with it: ten times as fast."""
    import yaml

    return getattr(yaml, "CBaseLoader", yaml.BaseLoader)
