"""Songs in the background: asked for, heard of, stopped, found again; sung by the real engine with a tiny voicebank."""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import cantilena
from cantilena.cancellation import CancelToken
from cantilena.errors import OptionError
from cantilena.ports.jobs import Job, JobStore
from cantilena.service.song_jobs import QueueError, SongJobs
from cantilena.service.song_wishes import SongWishes
from cantilena.tracing import STEPS
from tests.integration.phrases import PHRASES
from tests.integration.song_jobs.songs import LONG, SHORT, begun, files_of, in_every_store, wanted


@in_every_store
def test_a_song_is_sung_and_its_files_are_there(jobs: SongJobs, bank: Path, tmp_path: Path) -> None:
    asked = jobs.submit(wanted(format="flac", seed=7, quality="draft", controls={"breathiness": 20}))
    assert (asked.status, asked.request["controls"]) == ("queued", {"breathiness": 20})
    job = jobs.wait(asked.job_id, seconds=60)
    assert (job.status, job.progress, job.attempt, job.voicebank[0]) == ("succeeded", 1.0, 1, "Full")
    assert {(output.name, output.kind) for output in job.outputs} == {
        ("audio.flac", "audio"), ("timings.json", "timings"), ("score.musicxml", "score"),
    }  # fmt: skip
    for output in job.outputs:
        content = jobs.output(job.job_id, output.name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (output.bytes, output.sha256)
    assert jobs.score(job.job_id).read_bytes() == SHORT
    assert set(STEPS) <= job.timings_ms.keys()

    expected = cantilena.sing(
        cantilena.load_score(SHORT), voicebank=bank, seed=7, quality="draft", controls={"breathiness": 20}, cache=False
    )
    samples, rate = soundfile.read(jobs.output(job.job_id, "audio.flac"), dtype="float32")
    assert rate == expected.sample_rate
    assert np.abs(samples - expected.samples).max() < 1e-4
    assert job.audio_seconds == expected.duration_seconds

    take = jobs.take(job.job_id)
    assert take["path"] == str(jobs.output(job.job_id, "audio.flac"))
    assert (take["seed"], take["format"], take["phrases"]) == (7, "flac", 3)
    assert files_of(tmp_path) == {"audio.flac", "timings.json", "take.json", "score.musicxml"}


def test_every_note_is_heard_when_the_timings_say_so(jobs: SongJobs) -> None:
    job = jobs.wait(jobs.submit(wanted(expression=0.0, speaker="mezzo")).job_id, seconds=60)
    timings = json.loads(jobs.output(job.job_id, "timings.json").read_text("utf-8"))
    samples, rate = soundfile.read(jobs.output(job.job_id, "audio.wav"), dtype="float32")
    assert timings["duration_seconds"] == pytest.approx(len(samples) / rate, abs=1e-3)
    notes = [note for phrase in timings["phrases"] for note in phrase["notes"]]
    assert [note["lyric"] for note in notes] == " ".join(PHRASES[:3]).split()
    assert [phrase["notes"][0]["onset"] for phrase in timings["phrases"]] == [p["onset"] for p in timings["phrases"]]
    for note in notes:
        begin, end = note["onset"], note["offset"]
        middle = samples[round((begin + 0.4 * (end - begin)) * rate) : round((begin + 0.7 * (end - begin)) * rate)]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), n=2**17))
        spectrum[: round(100 * 2**17 / rate)] = 0.0
        heard = 69 + 12 * np.log2(np.argmax(spectrum[: round(600 * 2**17 / rate)]) * rate / 2**17 / 440)
        assert heard == pytest.approx(note["midi"], abs=0.5)


def test_progress_is_told_at_every_step_of_every_phrase_and_rises(jobs: SongJobs) -> None:
    told: list[Job] = []
    asked = jobs.submit(wanted())
    jobs.wait(asked.job_id, seconds=60, on_change=told.append)
    rising = [job.progress for job in told]
    assert all(before < after for before, after in itertools.pairwise(rising))
    assert {job.message for job in told} >= {"phrase 1 of 3", "phrase 2 of 3", "phrase 3 of 3"}
    assert [step for step in dict.fromkeys(job.step for job in told) if step] == list(STEPS)
    assert all(job.status == "running" for job in told if job.step)
    assert len(told) >= 3 * len(STEPS)


@in_every_store
def test_what_is_written_of_progress_never_falls(jobs: SongJobs, store: JobStore) -> None:
    asked, seen = jobs.submit(wanted(LONG)), []
    begun(jobs, asked)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        seen.append(store.read(asked.job_id).job)
        time.sleep(0.02)
    assert seen[-1].step == "postprocess"
    assert all(a.progress <= b.progress and a.seq <= b.seq for a, b in itertools.pairwise(seen))
    assert seen[-1].seq <= 10
    jobs.cancel(asked.job_id)


@in_every_store
def test_a_song_is_stopped_in_its_middle_and_leaves_nothing(jobs: SongJobs, tmp_path: Path) -> None:
    expected = jobs.wait(jobs.submit(wanted()).job_id, seconds=60)
    before = files_of(tmp_path)
    asked = jobs.submit(wanted(LONG))
    begun(jobs, asked)
    assert jobs.cancel(asked.job_id).cancel_requested
    ended = jobs.wait(asked.job_id, seconds=60)
    assert (ended.status, ended.outputs, ended.error) == ("canceled", (), None)
    assert files_of(tmp_path) == before
    assert not (tmp_path / "jobs" / asked.job_id).exists()
    assert jobs.cancel(asked.job_id) == ended
    again = jobs.wait(jobs.submit(wanted()).job_id, seconds=60)
    assert again.outputs[0].sha256 == expected.outputs[0].sha256


def test_a_song_that_waits_is_canceled_at_once(jobs: SongJobs, tmp_path: Path) -> None:
    first, second = jobs.submit(wanted(LONG)), jobs.submit(wanted())
    assert jobs.waiting >= 1
    assert jobs.cancel(second.job_id).status == "canceled"
    assert not (tmp_path / "jobs" / second.job_id).exists()
    assert jobs.get(first.job_id).status in ("queued", "running")
    jobs.cancel(first.job_id)


def test_one_song_after_another(jobs: SongJobs) -> None:
    asked = [jobs.submit(wanted(seed=n)) for n in range(3)]
    first, second, third = (jobs.wait(job.job_id, seconds=60) for job in asked)
    assert {job.status for job in (first, second, third)} == {"succeeded"}
    assert first.finished_at <= second.started_at
    assert second.finished_at <= third.started_at
    assert [job.job_id for job in jobs.list("s", limit=2)] == [third.job_id, second.job_id]


@in_every_store
def test_a_full_queue_refuses_and_takes_songs_again_later(make: Callable[..., SongJobs], tmp_path: Path) -> None:
    jobs = make(limit=2)
    begun(jobs, running := jobs.submit(wanted(LONG)))
    waiting = [jobs.submit(wanted()), jobs.submit(wanted())]
    with pytest.raises(QueueError) as caught:
        jobs.submit(replace(wanted(), job_id="too-many"))
    assert (caught.value.code, caught.value.retryable, jobs.waiting) == ("queue_full", True, 2)
    assert not (tmp_path / "jobs" / "too-many").exists()
    jobs.cancel(running.job_id)
    assert [jobs.wait(job.job_id, seconds=60).status for job in waiting] == ["succeeded", "succeeded"]
    assert jobs.wait(jobs.submit(wanted()).job_id, seconds=60).status == "succeeded"


def test_a_song_that_cannot_be_sung_fails_with_its_reason_and_the_next_one_is_sung(
    jobs: SongJobs, tmp_path: Path
) -> None:
    broken = jobs.wait(jobs.submit(replace(wanted(b"<no score"), score_name="my.xml")).job_id, seconds=60)
    assert (broken.status, broken.error.code) == ("failed", "score_not_xml")
    assert "my.xml" in broken.error.message
    tuba = jobs.wait(jobs.submit(wanted(part="Tuba")).job_id, seconds=60)
    assert (tuba.error.code, tuba.error.retryable) == ("part_unknown", False)
    with pytest.raises(OptionError) as caught:
        jobs.output(tuba.job_id, "audio.wav")
    assert caught.value.code == "output_unknown"
    assert files_of(tmp_path) <= {"score.musicxml"}
    assert jobs.wait(jobs.submit(wanted()).job_id, seconds=60).status == "succeeded"


@pytest.mark.parametrize(("error", "code"), [(MemoryError, "out_of_memory"), (RuntimeError, "internal_error")])
def test_whatever_happens_the_next_song_is_sung(
    jobs: SongJobs, monkeypatch: pytest.MonkeyPatch, error: type[Exception], code: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("cantilena.service.song_run.write_audio", _raising(error))
        job = jobs.wait(jobs.submit(wanted()).job_id, seconds=60)
    assert (job.status, job.error.code) == ("failed", code)
    assert jobs.wait(jobs.submit(wanted()).job_id, seconds=60).status == "succeeded"


def _raising(error: type[Exception]) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error("!")

    return fail


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ({"measures": "5-"}, "option_invalid"),
        ({"chord_note": "middle"}, "option_unknown_choice"),
        ({"tempo": 9.0}, "option_out_of_range"),
        ({"quality": "superb"}, "option_unknown_choice"),
        ({"controls": {"loudness": 3}}, "control_unknown"),
        ({"controls": {"tension": "high"}}, "control_invalid"),
        ({"pronunciations": {"la": ""}}, "option_bad_pronunciation"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_at_once(
    jobs: SongJobs, tmp_path: Path, wishes: dict[str, object], code: str
) -> None:
    with pytest.raises(OptionError) as caught:
        jobs.submit(wanted(**wishes))
    assert caught.value.code == code
    assert list((tmp_path / "jobs").iterdir()) == []


@in_every_store
def test_asking_twice_under_one_id_sings_once(jobs: SongJobs) -> None:
    request = replace(wanted(), job_id="mine")
    first, second = jobs.submit(request), jobs.submit(request)
    assert first.job_id == second.job_id == "mine"
    sung = jobs.wait("mine", seconds=60)
    assert jobs.submit(request) == sung
    with pytest.raises(OptionError) as caught:
        jobs.submit(replace(request, wishes=SongWishes(seed=1)))
    assert caught.value.code == "job_exists"
    for strange in ("", "../up", "a" * 65, "a/b"):
        with pytest.raises(OptionError, match="id of a job"):
            jobs.submit(replace(request, job_id=strange))


def test_a_job_that_nobody_knows(jobs: SongJobs) -> None:
    for look in (jobs.get, jobs.cancel, jobs.score, jobs.take, lambda job_id: jobs.wait(job_id, seconds=1)):
        with pytest.raises(OptionError) as caught:
            look("nobody's")
        assert caught.value.code == "job_unknown"


def test_waiting_ends_when_the_time_is_up_or_nobody_waits_any_more(jobs: SongJobs) -> None:
    asked = jobs.submit(wanted(LONG))
    assert not jobs.wait(asked.job_id, seconds=0.05).is_finished
    stop = CancelToken()
    threading.Timer(0.05, stop.cancel).start()
    begin = time.monotonic()
    assert not jobs.wait(asked.job_id, seconds=60, stop=stop).is_finished
    assert not jobs.wait(asked.job_id, seconds=60, stop=stop).is_finished
    assert time.monotonic() - begin < 30
    jobs.cancel(asked.job_id)


def test_closing_lets_songs_end_and_takes_no_more(make: Callable[..., SongJobs]) -> None:
    jobs = make()
    asked = [jobs.submit(wanted()), jobs.submit(wanted(seed=1))]
    jobs.close(seconds=60)
    assert [jobs.get(job.job_id).status for job in asked] == ["succeeded", "succeeded"]
    with pytest.raises(QueueError) as caught:
        jobs.submit(wanted())
    assert caught.value.code == "shutting_down"


def test_closing_cancels_what_takes_too_long(make: Callable[..., SongJobs], tmp_path: Path) -> None:
    jobs = make()
    asked = [jobs.submit(wanted(LONG)), jobs.submit(wanted())]
    begun(jobs, asked[0])
    jobs.close(seconds=0.0)
    assert [jobs.get(job.job_id).status for job in asked] == ["canceled", "canceled"]
    assert files_of(tmp_path) == set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("song")]


def test_models_are_opened_for_the_first_song_only(jobs: SongJobs) -> None:
    from structlog.testing import capture_logs

    with capture_logs() as lines:
        for seed in range(2):
            last = jobs.wait(jobs.submit(wanted(seed=seed)).job_id, seconds=60)
    opened = [line for line in lines if line["event"] == "model_loaded"]
    assert len(opened) == len({line["model"] for line in opened}) > 0
    assert len({line["job_id"] for line in opened} - {last.job_id}) == 1


def test_the_life_of_a_job_is_in_the_log(jobs: SongJobs) -> None:
    from structlog.testing import capture_logs

    from cantilena.tracing import log_context

    with capture_logs() as lines:
        with log_context(request_id="r1", trace="0af7651916cd43dd8448eb211c80319c"):
            sung = jobs.submit(wanted())
        with log_context(request_id="r2"):
            failed = jobs.submit(wanted(part="Tuba"))
        jobs.wait(sung.job_id, seconds=60)
        jobs.wait(failed.job_id, seconds=60)
        jobs.close(seconds=10)
    events = [(line["event"], line["request_id"]) for line in lines if line["event"].startswith("job_")]
    assert [event for event, request in events if request == "r1"] == ["job_created", "job_claimed", "job_finished"]
    ended = {line["request_id"]: line for line in lines if line["event"] == "job_finished"}
    assert (ended["r1"]["status"], ended["r1"]["error_code"]) == ("succeeded", None)
    assert (ended["r2"]["status"], ended["r2"]["error_code"]) == ("failed", "part_unknown")
    assert ended["r2"]["queue_ms"] > ended["r1"]["queue_ms"]
    assert ended["r1"]["elapsed_ms"] > 0
    steps = [line for line in lines if line["event"] == "synthesize_step" and line["job_id"] == sung.job_id]
    assert len(steps) == len(STEPS)
    for line in steps:
        assert (line["request_id"], line["session_id"], line["attempt"]) == ("r1", "s", 1)
        assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
