"""A song on its way from a request to its sound: planned, sung phrase by phrase, timed and logged however it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cantilena.audio.track import place
from cantilena.bootstrap import content_store
from cantilena.cancellation import CancelToken, check_canceled, stoppable
from cantilena.errors import CanceledError, InferenceError
from cantilena.findings import Finding
from cantilena.score import Score, read_score
from cantilena.settings import load_settings
from cantilena.singing.pipeline import lead_in_seconds
from cantilena.singing.postprocess import gain_curve, lay_out
from cantilena.song import plan_song, sing_phrases
from cantilena.takes import PhraseSpan, PhraseTake, Progress, SongReport
from cantilena.tracing import OnStep, Outcome, SongTrace
from cantilena.voicebanks import resolve_voicebank

if TYPE_CHECKING:
    from cantilena.audio.track import Track
    from cantilena.cache import ContentStore
    from cantilena.distribution.fetch import OnDownload
    from cantilena.singing.options import SingOptions
    from cantilena.singing.phrase import Phrase
    from cantilena.singing.pipeline import SungPhrase
    from cantilena.song import LineOptions, SongPlan
    from cantilena.takes import OnProgress
    from cantilena.voicebank import Voicebank


@dataclass(frozen=True, slots=True, kw_only=True)
class SongRequest:
    """What is to be sung, how, and by whom.

    Attributes
    ----------
    score : Score, str or Path
        A score, or the file of one.
    score_name : str or None
        What messages call the file; None: its own name.
    line : LineOptions
        Which line of it.
    options : SingOptions
        How.
    voicebank : str, Path, Voicebank or None
        An id, a folder, an open voicebank; None: the built-in one.
    cache : bool
        Whether phrases that were sung before are taken from the cache, and new ones kept there.
    on_download : callable or None
        Told how far a voicebank that has to be fetched is.
    open_voicebank : callable
        Finds who is named, as :func:`~cantilena.voicebanks.resolve_voicebank` does.
    """

    score: Score | str | Path
    line: LineOptions
    options: SingOptions
    voicebank: str | Path | Voicebank | None = None
    cache: bool = True
    on_download: OnDownload | None = None
    score_name: str | None = None
    open_voicebank: Callable[..., Voicebank] = resolve_voicebank


@dataclass(slots=True, kw_only=True)
class Rendering:
    """A planned song while it is sung; made by :func:`rendering`.

    Attributes
    ----------
    plan : SongPlan
        What is sung.
    trace : SongTrace
        Where it is timed.
    store : ContentStore or None
        Where its phrases are kept.
    cache_hits : int
        Phrases taken from there so far.
    findings : list of Finding
        What was noticed so far.
    audio_seconds : float
        Length of the audio made so far.
    """

    plan: SongPlan
    trace: SongTrace
    store: ContentStore | None
    cache_hits: int = 0
    findings: list[Finding] = field(default_factory=list)
    audio_seconds: float = 0.0

    @property
    def lead_in_seconds(self) -> float:
        return lead_in_seconds(self.plan.singer.voicebank)

    def phrases(self) -> Iterator[SungPhrase]:
        """The phrases in order, each sung when it is asked for."""
        for sung in sing_phrases(self.plan, self.trace, self.store):
            self.findings += sung.findings
            self.cache_hits += sung.cached
            yield sung

    def phrase_takes(self) -> Iterator[PhraseTake]:
        """The phrases in order as sound of their own."""
        curve = gain_curve(self.plan.performance)
        for sung in self.phrases():
            index, waveform = sung.phrase.index, sung.waveform
            with self.trace.timed("postprocess", phrase=index):
                begin, samples = place(waveform, lead_in_seconds=self.lead_in_seconds)
                samples = curve.shape(
                    samples, begin=begin, sample_rate=waveform.sample_rate, lead_in_seconds=self.lead_in_seconds
                )
            self.audio_seconds = max(self.audio_seconds, (begin + len(samples)) / waveform.sample_rate)
            span = self._span(sung.phrase)
            yield PhraseTake(
                index=index,
                phrases=len(self.plan.performance.phrases),
                onset=span.onset,
                offset=span.offset,
                samples=samples,
                sample_rate=waveform.sample_rate,
                offset_seconds=begin / waveform.sample_rate,
                cached=sung.cached,
                findings=once([*(self.plan.findings if index == 0 else ()), *sung.findings]),
            )

    @contextmanager
    def track(self, on_progress: OnProgress | None = None) -> Iterator[Track]:
        """All phrases in one track, which can be read until the block ends."""
        performance = self.plan.performance
        sample_rate = self.plan.singer.voicebank.sample_rate
        with lay_out(performance, sample_rate=sample_rate, lead_in_seconds=self.lead_in_seconds) as layout:
            for sung in self.phrases():
                with self.trace.timed("postprocess", phrase=sung.phrase.index):
                    layout.add(sung.waveform)
                if on_progress is not None:
                    on_progress(self._progress(sung))
            with self.trace.timed("postprocess"):
                track = layout.finish()
            self.audio_seconds = track.duration_seconds
            yield track

    def report(self) -> SongReport:
        """What is known of the song, once it is sung."""
        voicebank, options = self.plan.singer.voicebank, self.plan.singer.options
        return SongReport(
            duration_seconds=round(self.audio_seconds, 3),
            lead_in_seconds=self.lead_in_seconds,
            sample_rate=voicebank.sample_rate,
            voicebank=voicebank.id,
            version=voicebank.version,
            speaker=options.speaker,
            seed=options.seed,
            phrases=tuple(map(self._span, self.plan.performance.phrases)),
            cache_hits=self.cache_hits,
            timings_ms=self.trace.timings_ms(),
            warnings=once([*self.plan.findings, *self.findings, *_nothing_kept(self.store)]),
        )

    def _span(self, phrase: Phrase) -> PhraseSpan:
        lead_in = self.lead_in_seconds
        return PhraseSpan(
            onset=round(phrase.onset + lead_in, 4), offset=round(phrase.offset + lead_in, 4), notes=len(phrase.notes)
        )

    def _progress(self, sung: SungPhrase) -> Progress:
        span = self._span(sung.phrase)
        return Progress(
            phrase=sung.phrase.index + 1,
            phrases=len(self.plan.performance.phrases),
            onset=span.onset,
            offset=span.offset,
            cached=sung.cached,
        )


@contextmanager
def rendering(
    request: SongRequest, *, cancel: CancelToken | None = None, on_step: OnStep | None = None
) -> Iterator[Rendering]:
    """Plan a song to be sung inside the block; its steps are logged when the block ends, however it does.

    Parameters
    ----------
    request : SongRequest
        What is sung.
    cancel : CancelToken, optional
        Stops the song wherever it is, the run of a model included.
    on_step : callable, optional
        Told each step of each phrase when it begins, and what is done around them.

    Raises
    ------
    CantilenaError
        When the song cannot be sung as asked; memory that runs out inside the block is an InferenceError too.
    """

    def begin_step(step: str, phrase: int | None) -> None:
        if on_step is not None:
            on_step(step, phrase)
        check_canceled()

    trace = SongTrace(on_step=begin_step)
    outcome: Outcome = "failed"
    song: Rendering | None = None
    bank_id = str(request.voicebank) if isinstance(request.voicebank, str | Path) else None
    try:
        with stoppable(cancel) if cancel is not None else nullcontext():
            with trace.timed("parse"):
                score = resolve_score(request.score, name=request.score_name)
            with trace.timed("voicebank"):
                bank = request.open_voicebank(
                    request.voicebank, request.options, cache=request.cache, on_download=request.on_download
                )
                bank_id = bank.id
            with trace.timed("plan"):
                plan = plan_song(score, line=request.line, voicebank=bank, options=request.options)
            song = Rendering(plan=plan, trace=trace, store=content_store(load_settings()) if request.cache else None)
            yield song
        outcome = "ok"
    except (KeyboardInterrupt, GeneratorExit, CanceledError):
        outcome = "canceled"
        raise
    except MemoryError as error:
        raise InferenceError(
            "out_of_memory",
            "There was not enough memory to sing this song.",
            hint="Close other programs, or sing fewer measures with --measures.",
            retryable=True,
        ) from error
    finally:
        trace.finish(
            audio_seconds=song.audio_seconds if song else 0.0,
            outcome=outcome,
            voicebank=bank_id,
            device=request.options.device,
            cache_hits=song.cache_hits if song else 0,
        )


def resolve_score(score: Score | str | Path, *, name: str | None = None) -> Score:
    """A score, read if it is given as a file; ``name`` is what messages call it."""
    return read_score(Path(score), name=name) if isinstance(score, str | Path) else score


def once(findings: list[Finding]) -> tuple[Finding, ...]:
    """Drop repetitions, as a verse sung three times makes them; the order stays."""
    return tuple(dict.fromkeys(findings))


def _nothing_kept(store: ContentStore | None) -> tuple[Finding, ...]:
    """A warning when phrases could not be kept: the song is sung, but the next time it takes as long again."""
    if store is None or store.problem is None:
        return ()
    return (
        Finding(
            code="cache_unwritable",
            message=f"Sung phrases cannot be kept in the folder {store.folder}: {store.problem}.",
            hint="Set CANTILENA_CACHE_DIR to a folder with room that can be written, or use --no-cache.",
        ),
    )
