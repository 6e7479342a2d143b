"""Songs of short phrases between rests, for tests of what is sung again and what is heard first."""

from __future__ import annotations

from collections.abc import Sequence

from cantilena.score import Score, read_score
from tests.unit.score.engraving import document, note, part, rest, words

PHRASES = (
    "the sun is up", "we walk a mile", "the road is long", "my heart is light", "the sun is up", "come sing with me",
)  # fmt: skip
"""The fifth is the first again."""

FULL = {
    "pitch": "word", "variance": "phoneme", "curves": ("breathiness", "tension"), "depth": True, "shifts": True,
    "vocoder_noise": "2024",
}  # fmt: skip
"""A tiny voicebank with every kind of model, all of which draw noise in their graphs."""


def song(phrases: Sequence[str] = PHRASES, *, beats_before: int = 1, head: str = "") -> Score:
    """A phrase in each measure: a note of the scale for each word, and a rest before."""
    return read_score(song_file(phrases, beats_before=beats_before, head=head))


def song_file(phrases: Sequence[str] = PHRASES, *, beats_before: int = 1, head: str = "") -> bytes:
    """The same as a MusicXML file."""
    measures = [
        rest(beats_before)
        + "".join(note(f"{pitch}4", 0.5, word) for pitch, word in zip("CDEG", phrase.split(), strict=True))
        for phrase in phrases
    ]
    return document(part((head or words("Allegro", 'tempo="150"')) + measures[0], *measures[1:]))
