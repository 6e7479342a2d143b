"""Documents that a later version wrote: while one is deployed, instances of both read each other's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def known_fields(kind: type[DataclassInstance], values: Mapping[str, Any]) -> dict[str, Any]:
    """What of a document belongs into a dataclass."""
    names = _names(kind)
    return {name: value for name, value in values.items() if name in names}


@cache
def _names(kind: type[DataclassInstance]) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind))
