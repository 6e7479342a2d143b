"""Beats to seconds: the tempo of a song as a strictly increasing, continuous map.

Conventions
-----------
Tempi are quarter notes a minute (bpm). Inside, a piece of the map knows its pace, seconds for each beat, which
is constant or changes linearly from beat to beat (*rit.*, *accel.*).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple


class TempoPiece(NamedTuple):
    """The tempo from ``onset`` to the next piece, in beats and seconds a beat."""

    onset: float
    pace: float
    end_pace: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TempoMap:
    """Piecewise linear pace; make one with :meth:`from_pieces` or :meth:`constant`.

    Attributes
    ----------
    onsets : tuple of float
        Beats at which the pieces begin; the first is 0, and they rise strictly.
    seconds : tuple of float
        Where each piece begins.
    paces : tuple of float
        Seconds for a beat at the begin of each piece, > 0.
    slopes : tuple of float
        Change of the pace from beat to beat; 0 in the last piece, which never ends.
    """

    onsets: tuple[float, ...]
    seconds: tuple[float, ...]
    paces: tuple[float, ...]
    slopes: tuple[float, ...]

    @classmethod
    def constant(cls, bpm: float) -> TempoMap:
        """One tempo for the whole song.

        >>> TempoMap.constant(120).beats_to_seconds(Fraction(3))
        1.5
        """
        return cls(onsets=(0.0,), seconds=(0.0,), paces=(60.0 / bpm,), slopes=(0.0,))

    @classmethod
    def from_pieces(cls, pieces: Iterable[TempoPiece]) -> TempoMap:
        """From pieces in order, the first at 0; the last one keeps its first pace for ever.

        >>> half_as_fast = TempoMap.from_pieces([TempoPiece(0, 0.5, 1.0), TempoPiece(4, 1.0, 1.0)])
        >>> half_as_fast.beats_to_seconds(Fraction(4)), half_as_fast.beats_to_seconds(Fraction(5))
        (3.0, 4.0)
        """
        listed = list(pieces)
        seconds = [0.0]
        slopes = []
        for piece, following in pairwise(listed):
            beats = following.onset - piece.onset
            seconds.append(seconds[-1] + beats * (piece.pace + piece.end_pace) / 2.0)
            slopes.append((piece.end_pace - piece.pace) / beats)
        return cls(
            onsets=tuple(float(piece.onset) for piece in listed), seconds=tuple(seconds),
            paces=tuple(piece.pace for piece in listed), slopes=(*slopes, 0.0),
        )  # fmt: skip

    def beats_to_seconds(self, beats: Fraction) -> float:
        """Seconds from the start of the song to a beat, which may lie before the start or after the end."""
        at = float(beats)
        i = max(0, bisect_right(self.onsets, at) - 1)
        passed = at - self.onsets[i]
        if passed < 0.0:
            return passed * self.paces[0]
        return self.seconds[i] + passed * (self.paces[i] + self.slopes[i] * passed / 2.0)

    def bpm_at(self, beats: Fraction) -> float:
        """Tempo at a beat."""
        at = float(beats)
        i = max(0, bisect_right(self.onsets, at) - 1)
        return 60.0 / (self.paces[i] + self.slopes[i] * max(0.0, at - self.onsets[i]))

    def starting_at(self, beats: Fraction) -> TempoMap:
        """The same map with a later beat as its zero, for a song that is cut."""
        start = float(beats)
        i = max(0, bisect_right(self.onsets, start) - 1)
        passed = max(0.0, start - self.onsets[i])
        offset = self.beats_to_seconds(beats)
        return TempoMap(
            onsets=(0.0, *(onset - start for onset in self.onsets[i + 1 :])),
            seconds=(0.0, *(at - offset for at in self.seconds[i + 1 :])),
            paces=(self.paces[i] + self.slopes[i] * passed, *self.paces[i + 1 :]),
            slopes=self.slopes[i:],
        )
