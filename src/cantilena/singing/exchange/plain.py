"""Frozen dataclasses as plain JSON values, and back with every field checked.

Conventions
-----------
The types of the fields decide: a dataclass is an object, a tuple or array a list, a mapping an object, ``None`` null. A
field that is None by default is left out when it is None; every other one must be there, and no unknown one may be.
Numbers survive exactly: a float32 is written with the fewest digits that give it back.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from cantilena.errors import StageError

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
"""What JSON can hold."""

_T = TypeVar("_T")

_LARGEST: Final = 2**53  # beyond it programs that read whole numbers as floats disagree
_NAMES: Final[Mapping[type, str]] = {
    dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a whole number", float: "a number",
    type(None): "null",
}  # fmt: skip


def invalid(where: str, reason: str, *, hint: str = "") -> StageError:
    """The error ``stage_invalid`` for one place of a document; ``reason`` is the rest of the sentence."""
    return StageError("stage_invalid", f"{where} {reason}.", hint=hint or "Correct it, or run the step before again.")


def to_plain(value: object) -> Plain:
    """A dataclass, or anything a field of one may hold, as plain values."""
    if is_dataclass(value):
        return {
            field.name: to_plain(item)
            for field in fields(value)
            if not ((item := getattr(value, field.name)) is None and field.default is None)
        }
    if isinstance(value, np.ndarray):
        return _array_to_plain(value)
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no plain form")


def _array_to_plain(array: NDArray[Any]) -> list[Plain]:
    if array.dtype == np.float32:  # its own shortest digits, not those of the float64 it would become
        return cast("list[Plain]", [float(text) for text in array.astype(np.str_).tolist()])
    return cast("list[Plain]", array.tolist())


def from_plain(kind: type[_T], plain: object, where: str) -> _T:
    """Read a dataclass from plain values.

    Parameters
    ----------
    kind : type
        The dataclass.
    plain : object
        As the JSON reader gives it.
    where : str
        Its place in the document, for messages: ``phrases[3].pitch``.

    Raises
    ------
    StageError
        ``stage_invalid``: a field is missing, unknown, or not of its type.
    """
    return cast("_T", _read(kind, plain, where))


def _read(kind: Any, plain: object, where: str) -> object:  # noqa: ANN401 -- types are values here
    if is_dataclass(kind):
        return _read_dataclass(cast("type", kind), plain, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return None if plain is None else _read(inner, plain, where)
    if origin is Literal:
        if type(plain) is not str or plain not in arguments:
            raise invalid(where, f"must be one of {', '.join(map(str, arguments))}, not {_told(plain)}")
        return plain
    if origin is tuple:
        return tuple(_read(arguments[0], item, f"{where}[{k}]") for k, item in enumerate(_list(plain, where)))
    if origin is np.ndarray:
        return _read_array(get_args(arguments[1])[0], plain, where)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {_text(key, where): _read(arguments[1], item, f"{where}.{key}") for key, item in _dict(plain, where)}
    return _READERS[kind](plain, where)


def _read_dataclass(kind: type, plain: object, where: str) -> object:
    given = dict(_dict(plain, where))
    hints = _hints(kind)
    for name in given:
        if name not in hints:
            raise invalid(f"{where}.{_shown(name)}", f"is no field; there are {', '.join(hints)}")
    values: dict[str, object] = {}
    for field in fields(kind):
        if field.name in given:
            values[field.name] = _read(hints[field.name], given[field.name], f"{where}.{field.name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise invalid(where, f"has no field {field.name!r}")
    return kind(**values)


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _read_array(number: type, plain: object, where: str) -> NDArray[Any]:
    items = _list(plain, where)
    read = _whole if issubclass(number, np.integer) else _number
    array: NDArray[Any] = np.array(
        [read(item, f"{where}[{k}]") for k, item in enumerate(items)], dtype=np.float64
    ).astype(number)
    array.flags.writeable = False
    return array


def _text(plain: object, where: str) -> str:
    if type(plain) is not str:
        raise invalid(where, f"must be text, not {_told(plain)}")
    try:
        plain.encode()
    except UnicodeEncodeError as error:
        raise invalid(where, "holds half of a character") from error
    return plain


def _flag(plain: object, where: str) -> bool:
    if type(plain) is not bool:
        raise invalid(where, f"must be true or false, not {_told(plain)}")
    return plain


def _whole(plain: object, where: str) -> int:
    if type(plain) is not int:
        raise invalid(where, f"must be a whole number, not {_told(plain)}")
    if abs(plain) > _LARGEST:
        raise invalid(where, "is too large a number")
    return plain


def _number(plain: object, where: str) -> float:
    if type(plain) is not int and type(plain) is not float:
        raise invalid(where, f"must be a number, not {_told(plain)}")
    if not abs(plain) <= _LARGEST:  # also refuses NaN
        raise invalid(where, "is too large a number")
    return float(plain)


def _list(plain: object, where: str) -> list[object]:
    if type(plain) is not list:
        raise invalid(where, f"must be a list, not {_told(plain)}")
    return plain


def _dict(plain: object, where: str) -> list[tuple[str, object]]:
    if type(plain) is not dict:
        raise invalid(where, f"must be an object, not {_told(plain)}")
    return list(plain.items())


_READERS: Final[Mapping[type, Callable[[object, str], object]]] = {
    str: _text, bool: _flag, int: _whole, float: _number,
}  # fmt: skip


def _told(plain: object) -> str:
    """A wrong value as the message shows it: itself where it is short, else what it is."""
    if plain is None or isinstance(plain, list | dict) or (type(plain) is int and abs(plain) > _LARGEST):
        return _NAMES[type(plain)]
    return _shown(plain)


def _shown(value: object) -> str:
    text = ascii(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
