"""Controls as people write them: numbers, pairs of times and values, words of a command line, JSON files.

Conventions
-----------
A file is read with bounds on its size and depth, and every complaint about it names the file, the control and the
reason. Where a control is given twice on a command line, the later one counts; in a file it is an error.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from numbers import Real
from pathlib import Path
from typing import Any, Final

from cantilena.errors import OptionError
from cantilena.singing.controls import SCALES, SPEAKER_PREFIX, ControlCurve, Controls

MAX_FILE_BYTES: Final = 16_000_000
MAX_POINTS: Final = 200_000
_LEAST_SECONDS: Final = 1e-5  # between two points, so that a curve still rises when its clock is shifted
_LONGEST_SECONDS: Final = 1e6

ControlSetting = float | ControlCurve | tuple[Sequence[float], Sequence[float]] | Mapping[str, Sequence[float]]
"""A number, a curve, a pair of times and values, or a mapping of ``times`` and ``values``."""


def make_controls(settings: Mapping[str, ControlSetting]) -> Controls:
    """Controls by name, ``speaker:NAME`` for the weight of a speaker.

    Raises
    ------
    OptionError
        ``control_unknown``, ``control_invalid`` or ``control_out_of_range``.

    Examples
    --------
    >>> make_controls({"breathiness": 20, "tension": ([0, 2.5], [0, 40])}).curves["tension"].values
    (0.0, 40.0)
    """
    curves: dict[str, ControlCurve] = {}
    speakers: dict[str, ControlCurve] = {}
    for name, setting in settings.items():
        if name.startswith(SPEAKER_PREFIX) and name != SPEAKER_PREFIX:
            speakers[name.removeprefix(SPEAKER_PREFIX)] = _make_curve(name, setting)
        else:
            curves[name] = _make_curve(name, setting)
    return Controls(curves=curves, speakers=speakers)


def parse_controls(texts: Iterable[str]) -> Controls:
    """Controls from the words of a command line: ``NAME=VALUE``, ``NAME=FILE`` or ``FILE``.

    Raises
    ------
    OptionError
        As :func:`make_controls`, and ``control_file_invalid``.
    """
    curves: dict[str, ControlCurve] = {}
    speakers: dict[str, ControlCurve] = {}
    for text in texts:
        given = _parse_control(text)
        curves.update(given.curves)
        speakers.update(given.speakers)
    return Controls(curves=curves, speakers=speakers)


def read_controls(file: Path, name: str | None = None) -> Controls:
    """Controls from a JSON file.

    Parameters
    ----------
    file : Path
        Holds an object of controls, each a number or ``{"times": [...], "values": [...]}``.
    name : str, optional
        Of the one control that the file holds; it then holds what belongs to that control alone.

    Raises
    ------
    OptionError
        ``control_file_invalid``.
    """
    content = _read_json(file)
    if name is None and not isinstance(content, dict):
        raise _invalid_file(file, "must hold one object with a control by each name")
    try:
        return make_controls(content if name is None else {name: content})
    except OptionError as error:
        raise _invalid_file(file, f"cannot be used: {error.message}", hint=error.hint) from error


def _parse_control(text: str) -> Controls:
    name, equals, value = (piece.strip() for piece in text.partition("="))
    if not _is_name(name) and (not equals or Path(text).is_file()):
        return read_controls(Path(text))
    number = _to_number(value)
    if number is None and _is_name(name):
        if not Path(value).is_file():
            raise OptionError(
                "control_invalid",
                f"--control {text} gives neither a number nor a file that exists.",
                hint=f"Write --control {name}=20, or give a JSON file.",
            )
        return read_controls(Path(value), name)
    return make_controls({name: number or 0.0})


def _is_name(name: str) -> bool:
    return name in SCALES or name.startswith(SPEAKER_PREFIX)


def _to_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _make_curve(name: str, setting: object) -> ControlCurve:
    if isinstance(setting, ControlCurve):
        times, values = setting.times, setting.values
    elif isinstance(setting, Mapping):
        if set(setting) != {"times", "values"}:
            raise _invalid(name, f"has {', '.join(map(str, setting)) or 'nothing'} where times and values belong")
        times, values = _numbers(name, setting["times"]), _numbers(name, setting["values"])
    elif isinstance(setting, Sequence) and not isinstance(setting, str):
        if len(setting) != 2:
            raise _invalid(name, f"has {len(setting)} lists where one of times and one of values belong")
        times, values = _numbers(name, setting[0]), _numbers(name, setting[1])
    else:
        times, values = (0.0,), (_number(name, setting),)
    if any(abs(time) > _LONGEST_SECONDS for time in times):
        raise _invalid(name, f"has times beyond {_LONGEST_SECONDS:g} seconds")
    if any(0.0 <= after - before < _LEAST_SECONDS for before, after in pairwise(times)):
        raise _invalid(name, "has two points at the same time")
    return ControlCurve(times=times, values=values)


def _numbers(name: str, given: object) -> tuple[float, ...]:
    """A list, a tuple or an array of numbers."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Collection):
        raise _invalid(name, "must have a list of times and a list of values")
    if len(given) > MAX_POINTS:
        raise _invalid(name, f"has {len(given)} points, more than {MAX_POINTS}")
    return tuple(_number(name, item) for item in given)


def _number(name: str, given: object) -> float:
    if isinstance(given, Real) and not isinstance(given, bool):  # numpy's numbers are real ones too
        try:
            return float(given)
        except OverflowError:  # a whole number of 400 digits
            pass
    raise _invalid(name, f"has {_shortened(repr(given))} where a number belongs")


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def _invalid(name: str, reason: str) -> OptionError:
    return OptionError(
        "control_invalid",
        f"The control {_shortened(name)} {reason}.",
        hint='Give a number, or {"times": [0, 2.5], "values": [0, 40]}.',
    )


def _read_json(file: Path) -> Any:  # noqa: ANN401 -- whatever JSON can hold
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _invalid_file(file, f"cannot be read: {error.strerror or error}") from error
    if len(raw) > MAX_FILE_BYTES:
        raise _invalid_file(file, f"is longer than {MAX_FILE_BYTES // 1_000_000} MB")
    try:
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_unrepeated)
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, a name given twice, or nested without end
        raise _invalid_file(file, f"is not a JSON document that could be read: {error}") from error


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{_shortened(twice)!r} is given twice")
    return content


def _invalid_file(file: Path, reason: str, *, hint: str = "") -> OptionError:
    return OptionError(
        "control_file_invalid",
        f"The control file {file} {reason}{'' if reason.endswith('.') else '.'}",
        hint=hint or 'Write it as {"breathiness": 20, "tension": {"times": [0, 2.5], "values": [0, 40]}}.',
    )
