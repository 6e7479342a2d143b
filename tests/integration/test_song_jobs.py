"""Songs in the background: asked for, heard of, stopped, found again; sung by the real engine with a tiny voicebank."""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import cantilena
from cantilena.adapters.memory_jobs import MemoryJobs
from cantilena.adapters.sqlite_jobs import SqliteJobs
from cantilena.cancellation import CancelToken
from cantilena.errors import OptionError
from cantilena.ports.jobs import Job, JobStore, JobStoreError, Lease
from cantilena.service.job_changes import LEASE_SECONDS
from cantilena.service.song_jobs import QueueError, SongJobRequest, SongJobs
from cantilena.service.song_wishes import SongWishes
from cantilena.tracing import STEPS
from tests.integration.phrases import FULL, PHRASES, song_file
from tests.voicebanks.build import TinyBank, build_voicebank

SHORT = song_file(PHRASES[:3])
LONG = song_file(PHRASES * 60)
"""Some seconds of work: whoever comes meanwhile finds it being sung."""


class Clock:
    """The wall clock, put forward at will."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_voicebank(tmp_path_factory.mktemp("banks"), TinyBank(name="Full", **FULL))


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, bank: Path) -> None:
    monkeypatch.setenv("CANTILENA_THREADS", "1")
    monkeypatch.setenv("VOICEBANK_DIR", str(bank.parent))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> JobStore:
    kind = getattr(request, "param", "memory")
    return MemoryJobs(now=clock) if kind == "memory" else SqliteJobs(tmp_path / "jobs.sqlite", now=clock)


in_every_store = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


@pytest.fixture
def make(store: JobStore, tmp_path: Path, clock: Clock) -> Iterator[Callable[..., SongJobs]]:
    """Makes a process that sings; all of them share store and folder."""
    made: list[SongJobs] = []

    def make_jobs(**options: object) -> SongJobs:
        jobs = SongJobs(options.pop("store", store), tmp_path / "jobs", holder="test", now=clock, **options)
        made.append(jobs)
        return jobs

    yield make_jobs
    for jobs in made:
        jobs.close(seconds=0.0)


@pytest.fixture
def jobs(make: Callable[..., SongJobs]) -> SongJobs:
    return make()


def wanted(score: bytes = SHORT, **wishes: object) -> SongJobRequest:
    return SongJobRequest(score=score, session_id="s", wishes=SongWishes(cache=False, **wishes))


def begun(jobs: SongJobs, job: Job) -> Job:
    """The job as soon as its second phrase is sung."""
    stop, seen = CancelToken(), []

    def look(told: Job) -> None:
        if told.message.startswith("phrase 2 "):
            seen.append(told)
            stop.cancel()

    jobs.wait(job.job_id, seconds=60, on_change=look, stop=stop)
    return seen[0]


def files_of(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "jobs").rglob("*") if path.is_file()}


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


@in_every_store
def test_another_process_can_wait_for_a_job_and_stop_it(make: Callable[..., SongJobs]) -> None:
    one, other = make(), make()
    begun(one, asked := one.submit(wanted(LONG)))
    assert other.cancel(asked.job_id).cancel_requested
    assert other.wait(asked.job_id, seconds=60).status == "canceled"
    sung = other.wait(one.submit(wanted()).job_id, seconds=60)
    assert sung.status == "succeeded"
    assert other.output(sung.job_id, "audio.wav").is_file()


def left_behind(jobs: SongJobs, store: JobStore, clock: Clock, *, attempt: int) -> Job:
    """A job whose process ended while it was sung, some time ago."""
    asked = jobs.submit(replace(wanted(), job_id="left"))
    jobs.close(seconds=60)
    stored = store.read(asked.job_id)
    dead = replace(
        stored.job, status="running", attempt=attempt, outputs=(), finished_at=None,
        lease=Lease(holder="dead", until=clock() - 1.0),
    )  # fmt: skip
    store.write(dead, revision=stored.revision)
    return dead


@in_every_store
def test_a_job_whose_process_ended_is_sung_once_more(
    make: Callable[..., SongJobs], store: JobStore, clock: Clock, tmp_path: Path
) -> None:
    dead = left_behind(make(), store, clock, attempt=1)
    (tmp_path / "jobs" / "left" / "1" / ".cantilena-abc.part").write_bytes(b"half a file")
    sung = make().wait(dead.job_id, seconds=60)
    assert (sung.status, sung.attempt) == ("succeeded", 2)
    assert files_of(tmp_path) == {"audio.wav", "timings.json", "take.json", "score.musicxml"}


_SINGS_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from cantilena.adapters.sqlite_jobs import SqliteJobs
from cantilena.service.song_jobs import SongJobRequest, SongJobs
from cantilena.service.song_wishes import SongWishes

score, store, folder = map(Path, sys.argv[1:])
jobs = SongJobs(SqliteJobs(store), folder, holder="killed")
jobs.submit(SongJobRequest(score=score, job_id="left", session_id="s", wishes=SongWishes(cache=False)))
jobs.wait("left", seconds=60, on_change=lambda job: print(job.message, flush=True))
"""


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_process_is_killed_while_it_sings_and_another_one_sings_the_song(
    make: Callable[..., SongJobs], tmp_path: Path, clock: Clock
) -> None:
    score = tmp_path / "song.musicxml"
    score.write_bytes(song_file(PHRASES * 10))
    singing = subprocess.Popen(
        [sys.executable, "-c", _SINGS_UNTIL_KILLED, score, tmp_path / "jobs.sqlite", tmp_path / "jobs"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with singing:
        for line in singing.stdout:
            if line.startswith("phrase 5 "):
                break
        singing.kill()
    clock.ahead = LEASE_SECONDS + 1.0
    sung = make().wait("left", seconds=60)
    assert (sung.status, sung.attempt, sung.message) == ("succeeded", 2, "done")
    assert files_of(tmp_path) == {"audio.wav", "timings.json", "take.json", "score.musicxml"}


@in_every_store
def test_a_job_that_was_lost_twice_fails_with_a_reason(
    make: Callable[..., SongJobs], store: JobStore, clock: Clock
) -> None:
    dead = left_behind(make(), store, clock, attempt=2)
    lost = make().wait(dead.job_id, seconds=60)
    assert (lost.status, lost.error.code, lost.error.retryable) == ("failed", "job_lost", True)


@in_every_store
def test_a_job_whose_process_lives_is_left_to_it(make: Callable[..., SongJobs], clock: Clock) -> None:
    one = make()
    begun(one, asked := one.submit(wanted(LONG)))
    waits = one.submit(wanted())
    other = make()
    time.sleep(0.3)
    assert other.waiting == 0
    assert one.get(asked.job_id).attempt == 1
    assert other.get(waits.job_id).status == "queued"
    one.cancel(asked.job_id)


@in_every_store
def test_who_lost_a_lease_writes_no_more(make: Callable[..., SongJobs], store: JobStore, clock: Clock) -> None:
    jobs = make()
    begun(jobs, asked := jobs.submit(wanted(LONG)))
    while True:  # against the heartbeats
        stored = store.read(asked.job_id)
        stolen = replace(stored.job, attempt=2, lease=Lease(holder="thief", until=clock() + LEASE_SECONDS))
        try:
            store.write(stolen, revision=stored.revision)
        except JobStoreError:
            continue
        break
    while jobs._songs.find(asked.job_id) is not None:
        time.sleep(0.05)
    assert store.read(asked.job_id).job == stolen


@in_every_store
def test_a_job_expires_with_its_files(
    make: Callable[..., SongJobs], store: JobStore, clock: Clock, tmp_path: Path
) -> None:
    jobs = make(keep_seconds=100.0)
    kept = jobs.wait(jobs.submit(wanted()).job_id, seconds=60)
    clock.ahead = 101.0
    with pytest.raises(OptionError):
        jobs.get(kept.job_id)
    (tmp_path / "jobs" / "never-was").mkdir()
    clock.ahead = 200.0
    make()
    end = time.monotonic() + 30
    while list((tmp_path / "jobs").iterdir()) and time.monotonic() < end:
        time.sleep(0.05)
    assert list((tmp_path / "jobs").iterdir()) == []


class Unreachable(MemoryJobs):
    """A store that does not answer for a while."""

    failures = 0

    def read(self, job_id: str):
        if self.failures:
            self.failures -= 1
            raise JobStoreError("jobs_unreachable", "Nobody answers.", retryable=True)
        return super().read(job_id)


def test_a_store_that_does_not_answer_for_a_while_loses_no_song(make: Callable[..., SongJobs], clock: Clock) -> None:
    store = Unreachable(now=clock)
    jobs = make(store=store)
    begun(jobs, asked := jobs.submit(wanted(song_file(PHRASES * 5))))
    store.failures = 3
    while store.failures:
        time.sleep(0.05)
    assert jobs.wait(asked.job_id, seconds=60).status == "succeeded"


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
