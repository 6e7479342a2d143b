"""Tables of measured figures, as plain text.

A :class:`Figure` knows its bar and whether it meets it; what could not be measured says so and never looks like a
number.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

NOT_MEASURED = "not measured"
MISSED = " !"

Sense = Literal["at most", "at least"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a figure must reach."""

    sense: Sense
    value: float

    def met_by(self, value: float) -> bool:
        return value <= self.value if self.sense == "at most" else value >= self.value

    def __str__(self) -> str:
        return f"{self.sense} {self.value:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of a table.

    Attributes
    ----------
    value : float or None
        None: it could not be measured.
    digits : int
        After the decimal point.
    bar : Bar or None
        None: for information.
    """

    value: float | None
    digits: int = 2
    bar: Bar | None = None

    @property
    def met(self) -> bool | None:
        """None when there is no bar, or no number."""
        return None if self.value is None or self.bar is None else self.bar.met_by(self.value)

    def __str__(self) -> str:
        if self.value is None:
            return NOT_MEASURED
        return f"{self.value:.{self.digits}f}{MISSED if self.met is False else ''}"


Cell = str | Figure


@dataclass(slots=True, kw_only=True)
class Table:
    """Rows under a heading, with remarks below.

    Attributes
    ----------
    title : str
        What was measured.
    columns : tuple of str
        Headings; the first column is set left, the others right.
    rows : list of tuple of str or Figure
        One cell a column.
    remarks : list of str
        Sentences printed below the rows.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, *cells: Cell) -> None:
        if len(cells) != len(self.columns):
            raise ValueError(f"a row of {self.title!r} has {len(cells)} cells for {len(self.columns)} columns")
        self.rows.append(cells)

    @property
    def missed(self) -> int:
        """How many figures miss their bar."""
        return sum(isinstance(cell, Figure) and cell.met is False for row in self.rows for cell in row)

    def __str__(self) -> str:
        grid = [self.columns, *(tuple(str(cell) for cell in row) for row in self.rows)]
        widths = [max(len(row[column]) for row in grid) for column in range(len(self.columns))]

        def line(row: tuple[str, ...]) -> str:
            first, *others = row
            cells = [
                first.ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)),
            ]
            return "  ".join(cells).rstrip()

        rule = "  ".join("-" * width for width in widths)
        remarks = [f"  {remark}" for remark in self.remarks]
        if self.missed:
            remarks.append(f"  {MISSED.strip()} misses its bar")
        return "\n".join(
            [self.title, "", line(grid[0]), rule, *map(line, grid[1:]), *([""] if remarks else []), *remarks]
        )


def bar_table(title: str, measured: dict[str, Figure]) -> Table:
    """A table of single measures: name, figure, bar."""
    table = Table(title=title, columns=("measure", "figure", "bar"))
    for name, figure in measured.items():
        table.add(name, figure, str(figure.bar) if figure.bar else "")
    return table


def machine() -> str:
    """The machine in words, for a remark: figures mean nothing without it."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def has_vnni() -> bool:
    """Whether the processor multiplies 8-bit numbers with instructions of their own; False where nothing tells."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return any(name in flags for name in ("avx512_vnni", "avx_vnni", "asimddp", "i8mm"))


def load_average() -> str:
    """How busy the machine is: figures of a busy one are worse, and ratios within one run the ones to trust."""
    return ", ".join(f"{load:.1f}" for load in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
