"""One job sung: from its score and wishes to the files that it leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cantilena.audio.files import write_audio
from cantilena.cancellation import CancelToken
from cantilena.ports.jobs import Job, JobOutput, JobWarning
from cantilena.rendering import Rendering, SongRequest, rendering
from cantilena.service.job_changes import JobResult
from cantilena.service.job_files import file_sha256, write_json
from cantilena.service.object_names import output_route
from cantilena.takes import SungFile

if TYPE_CHECKING:
    from cantilena.distribution.fetch import DownloadProgress
    from cantilena.service.open_voicebanks import OpenVoicebanks
    from cantilena.service.song_wishes import SongWishes
    from cantilena.singing.phrase import PerformedNote

TAKE: Final = "take.json"
"""The document of ``sing --json``, kept beside the outputs."""


def sing_job(
    job: Job,
    wishes: SongWishes,
    *,
    score: Path,
    score_name: str,
    folder: Path,
    voicebanks: OpenVoicebanks,
    cancel: CancelToken,
    on_plan: Callable[[tuple[float, ...]], None],
    on_step: Callable[[str, int | None], None],
) -> JobResult:
    """Sing a job into a folder.

    Parameters
    ----------
    job : Job
        Which one.
    wishes : SongWishes
        How.
    score : Path
        What; ``score_name`` is what messages call it.
    folder : Path
        Where its files go.
    voicebanks : OpenVoicebanks
        Who may sing.
    cancel : CancelToken
        Stops it.
    on_plan : callable
        Told the seconds of each phrase, once they are known.
    on_step : callable
        Told what begins, as :func:`~cantilena.rendering.rendering` tells it.

    Raises
    ------
    CantilenaError
        The song cannot be sung, or was stopped.
    """

    def downloading(_: DownloadProgress) -> None:
        cancel.check()

    request = SongRequest(
        score=score,
        score_name=score_name,
        line=wishes.line_options(),
        options=wishes.sing_options(),
        voicebank=wishes.voicebank,
        cache=wishes.cache,
        on_download=downloading,
        open_voicebank=voicebanks.resolve,
    )
    audio = folder / f"audio.{wishes.format}"
    with rendering(request, cancel=cancel, on_step=on_step) as song:
        on_plan(tuple(phrase.offset - phrase.onset for phrase in song.plan.performance.phrases))
        with song.track() as track:
            with song.trace.timed("encode"):
                written = write_audio(track.blocks(), audio, sample_rate=track.sample_rate, format=wishes.audio_format)
            sung = SungFile(file=written, report=song.report())
            timings = folder / "timings.json"
            write_json(timings, _timings_document(song))
    write_json(folder / TAKE, sung.to_json())
    report = sung.report
    return JobResult(
        voicebank=(report.voicebank, report.version),
        outputs=(
            JobOutput(
                name=audio.name,
                kind="audio",
                format=written.format,
                bytes=written.bytes,
                sha256=file_sha256(audio),
                duration_seconds=round(written.duration_seconds, 3),
                sample_rate=written.sample_rate,
            ),
            _plain_output(timings, "timings"),
            _plain_output(score, "score"),
        ),
        warnings=tuple(
            JobWarning(code=warning.code, message=warning.message, part=warning.part, measure=warning.measure)
            for warning in report.warnings
        ),
        timings_ms=report.timings_ms,
        audio_seconds=report.duration_seconds,
        rtf=report.rtf,
        audio_url=output_route(job.session_id, job.job_id, audio.name),
    )


def _plain_output(file: Path, kind: Any) -> JobOutput:  # noqa: ANN401 -- one of JobOutput's kinds
    return JobOutput(
        name=file.name, kind=kind, format=file.suffix[1:], bytes=file.stat().st_size, sha256=file_sha256(file)
    )


def _timings_document(song: Rendering) -> dict[str, Any]:
    """When everything is heard, in the audio's own clock, in seconds."""
    performance, lead_in = song.plan.performance, song.lead_in_seconds
    return {
        "part": performance.part,
        "duration_seconds": round(song.audio_seconds, 3),
        "lead_in_seconds": round(lead_in, 4),
        "phrases": [
            {
                "index": phrase.index,
                "onset": round(phrase.onset + lead_in, 4),
                "offset": round(phrase.offset + lead_in, 4),
                "notes": [_note(note, lead_in) for note in phrase.notes],
            }
            for phrase in performance.phrases
        ],
    }


def _note(note: PerformedNote, lead_in: float) -> dict[str, Any]:
    return {
        "onset": round(note.onset + lead_in, 4),
        "offset": round(note.offset + lead_in, 4),
        "midi": note.midi,
        "lyric": " ".join(syllable.original for syllable in note.syllables) or None,
        "measure": note.measure,
    }
