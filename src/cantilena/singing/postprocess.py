"""Step "postprocess": the phrases' waveforms become one track with the loudness the score asks for.

Placing, summing, dynamics and the choice of the final gain happen here, phrase by phrase. The gain is applied while the
finished track is read (:mod:`cantilena.audio.track`); a file is encoded from it in :mod:`cantilena.audio.files`.
"""

from __future__ import annotations

from typing import Final

from cantilena.audio.track import FLAT, GainCurve, TrackBuilder
from cantilena.singing.phrase import Performance

TAIL_SECONDS: Final = 0.25
"""Audio after the last note: room for its release, and players that cut the end of a file cut silence."""


def lay_out(performance: Performance, *, sample_rate: int, lead_in_seconds: float) -> TrackBuilder:
    """Begin the track of a performance; its phrases' waveforms are then added in order.

    Parameters
    ----------
    performance : Performance
        Gives dynamics and length.
    sample_rate : int
        Hz, of the waveforms and the track.
    lead_in_seconds : float
        Audio before the score's first beat.

    Returns
    -------
    TrackBuilder
        A context manager: ``add`` each waveform, then ``finish``; the track can be read until it is left.
    """
    return TrackBuilder(
        sample_rate=sample_rate,
        lead_in_seconds=lead_in_seconds,
        gain_curve=gain_curve(performance),
        end_seconds=performance.duration + TAIL_SECONDS,
    )


def gain_curve(performance: Performance) -> GainCurve:
    """The loudness that a score asks for, as a gain over time."""
    points = performance.loudness
    return GainCurve(times=tuple(p.time for p in points), gains_db=tuple(p.gain for p in points)) if points else FLAT
