"""Findings gathered while reading: the same thing noticed in many measures is told once, with all its places."""

from __future__ import annotations

from dataclasses import dataclass, field

from cantilena.findings import Finding

_LISTED = 8
_MOST = 400
"""Different findings; a score that gives more is hostile, and nobody reads them."""


@dataclass(slots=True)
class _Noticed:
    hint: str
    measures: dict[str | None, int] = field(default_factory=dict)


class Notices:
    """Collects what is noticed, by part; ``findings()`` gives one finding for each kind of thing and part."""

    __slots__ = ("_noticed",)

    def __init__(self) -> None:
        self._noticed: dict[tuple[str, str, str | None], _Noticed] = {}

    def add(
        self, code: str, message: str, *, part: str | None = None, measure: str | None = None, hint: str = ""
    ) -> None:
        """Note one thing; ``message`` ends with a full stop and names neither part nor measure."""
        noticed = self._noticed.get((code, message, part))
        if noticed is None:
            if len(self._noticed) >= _MOST:
                return
            noticed = self._noticed[code, message, part] = _Noticed(hint)
        noticed.measures[measure] = noticed.measures.get(measure, 0) + 1

    def findings(self) -> tuple[Finding, ...]:
        """Everything noticed so far, in the order in which it was first noticed."""
        return tuple(
            Finding(
                code=code, message=message + _other_measures(list(noticed.measures)), part=part,
                measure=next(iter(noticed.measures)), hint=noticed.hint,
            )
            for (code, message, part), noticed in self._noticed.items()
        )  # fmt: skip


def _other_measures(measures: list[str | None]) -> str:
    others = [name for name in measures[1:] if name is not None]
    if not others:
        return ""
    listed = ", ".join(others[:_LISTED])
    more = f" and {len(others) - _LISTED} more" if len(others) > _LISTED else ""
    return f" Also in {'measure' if len(others) == 1 else 'measures'} {listed}{more}."
