"""MusicXML in, a melody out: reading scores and choosing what is sung; ``describe`` tells what is there."""

from __future__ import annotations

from pathlib import Path

from cantilena.score.container import load_bytes, open_score
from cantilena.score.extract import extract_melody
from cantilena.score.melody import Melody
from cantilena.score.model import Score
from cantilena.score.notices import Notices
from cantilena.score.reader import read_document

__all__ = ["Melody", "Score", "extract_melody", "read_score"]


def read_score(source: Path | bytes, *, name: str | None = None) -> Score:
    """Read a score from a file or from memory.

    Parameters
    ----------
    source : Path or bytes
        MusicXML, plain (.musicxml, .xml) or compressed (.mxl); told apart by content, not by name.
    name : str or None
        What messages call it; the file's name unless given.

    Raises
    ------
    ScoreError
        ``score_*`` and ``mxl_*``: it is not there, cannot be read, or is not a score.
    """
    notices = Notices()
    data, name = load_bytes(source, name=name)
    return read_document(open_score(data, name=name, notices=notices), notices)
