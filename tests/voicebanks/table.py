"""The table of voicebanks that Cantilena sings, from singing with each of them.

python -m tests.voicebanks.table                       # prints it
python -m tests.voicebanks.table docs/voicebanks.md    # puts it between the marks in a file
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.voicebanks.examine import Verdict, examine
from tests.voicebanks.variants import VARIANTS, Variant

BEGIN, END = "<!-- begin: python -m tests.voicebanks.table docs/voicebanks.md -->", "<!-- end -->"


def verdict_of(variant: Variant) -> Verdict:
    """What came of a variant; each voicebank is examined once in a process, whatever its names."""
    return _examined(next(other.id for other in VARIANTS.values() if other.bank == variant.bank))


@cache
def _examined(variant: str) -> Verdict:
    with TemporaryDirectory() as folder:
        return examine(Path(folder), VARIANTS[variant].bank)


def make_table() -> str:
    """A Markdown table of all variants."""
    return "\n".join(
        [
            "| axis | voicebank | loads | sings | controls that act | controls it lacks, and says so |",
            "|---|---|---|---|---|---|",
            *_rows(),
        ]
    )


def _rows() -> Iterator[str]:
    before = ""
    for variant in VARIANTS.values():
        verdict = verdict_of(variant)
        axis = variant.axis if variant.axis != before else ""
        before = variant.axis
        cells = (axis, variant.name, _yes(verdict.loads), _yes(verdict.sings), _names(verdict.acts))
        yield f"| {' | '.join(cells)} | {_names(verdict.told)} |"


def _yes(answer: bool) -> str:
    return "yes" if answer else "**no**"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


def table_in(text: str) -> str:
    """What stands between the marks of a document."""
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def with_table(text: str, table: str) -> str:
    """A document with another table between its marks."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}"


def main() -> None:
    if len(sys.argv) > 1:
        file = Path(sys.argv[1])
        file.write_text(with_table(file.read_text("utf-8"), make_table()), "utf-8")
    else:
        print(make_table())


if __name__ == "__main__":
    main()
