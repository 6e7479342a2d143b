"""Sessions over stores in memory and objects in a folder: what is whose, what is left, what happens side by side."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cantilena.adapters.folder_objects import FolderObjects
from cantilena.adapters.memory_jobs import MemoryJobs
from cantilena.adapters.memory_sessions import MemorySessions
from cantilena.errors import CantilenaError, OptionError, ScoreError
from cantilena.ports.dispatch import DispatchError
from cantilena.ports.jobs import Job
from cantilena.ports.objects import StorageError
from cantilena.ports.sessions import Session
from cantilena.service import job_changes as change
from cantilena.service.jobs import change_job
from cantilena.service.limits import LimitError
from cantilena.service.object_names import output_object, score_object, session_prefix
from cantilena.service.sessions import SessionLimits, Sessions
from cantilena.service.song_pace import UNMEASURED_RTF, SongPace
from cantilena.service.song_wishes import SongWishes
from cantilena.service.songs import SongLimits, Songs

HYMN = (Path(__file__).resolve().parents[3] / "examples" / "amazing-grace.musicxml").read_bytes()


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Dispatch:
    """Tells nobody, or cannot."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.is_out_of_reach = False

    def dispatch(self, job_id: str) -> None:
        if self.is_out_of_reach:
            raise DispatchError("dispatch_unreachable", "No.", retryable=True)
        self.told.append(job_id)

    def ping(self) -> None:
        return


class Desk:
    """Everything that sessions and songs work with, in memory."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.jobs = MemoryJobs(now=self.clock)
        self.documents = MemorySessions(now=self.clock)
        self.objects = FolderObjects(folder)
        self.dispatch = Dispatch()
        self.pace = SongPace(None)
        self.sessions = Sessions(
            self.documents, self.jobs, self.objects, limits=SessionLimits(most=3, keep_seconds=1000.0), now=self.clock
        )
        self.songs = Songs(
            self.jobs, self.sessions, self.objects, self.dispatch, voicebank_ids=lambda: ["Tiny_1.0"],
            pace=self.pace, limits=SongLimits(most=2, keep_seconds=500.0), now=self.clock,
        )  # fmt: skip

    def new_session(self, owner: str = "ada") -> str:
        session_id = self.sessions.create(owner).session_id
        self.sessions.put_score(session_id, owner, HYMN, "hymn.musicxml")
        return session_id

    def ask(self, session_id: str, key: str | None = None, **wishes: object) -> Job:
        return self.songs.ask(session_id, "ada", SongWishes(**wishes), idempotency_key=key)  # type: ignore[arg-type]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def code(work: Callable[[], object]) -> str:
    with pytest.raises(CantilenaError) as caught:
        work()
    return caught.value.code


def test_what_is_somebody_elses_is_not_there(desk: Desk) -> None:
    session_id = desk.new_session("ada")
    job = desk.ask(session_id)
    for work in (
        partial(desk.sessions.get, session_id, "bob"),
        partial(desk.sessions.score, session_id, "bob"),
        partial(desk.sessions.put_score, session_id, "bob", HYMN, "x"),
        partial(desk.sessions.delete, session_id, "bob"),
        partial(desk.songs.ask, session_id, "bob", SongWishes()),
        partial(desk.songs.list, session_id, "bob", limit=1),
    ):
        assert code(work) == "session_unknown"
    assert code(partial(desk.songs.get, session_id, job.job_id, "bob")) == "job_unknown"
    assert code(partial(desk.songs.cancel, session_id, job.job_id, "bob")) == "job_unknown"


@pytest.mark.parametrize("session_id", ["", "..", "../../etc", "A" * 32, "0" * 31, "0" * 33, "0" * 16 + "/" + "0" * 15])
def test_what_is_no_id_is_not_looked_for(desk: Desk, session_id: str) -> None:
    assert code(partial(desk.sessions.get, session_id, "ada")) == "session_unknown"


def test_a_score_that_is_none_changes_nothing(desk: Desk) -> None:
    session_id = desk.new_session()
    with pytest.raises(ScoreError):
        desk.sessions.put_score(session_id, "ada", b"<html/>", "page.html")
    score, blocks = desk.sessions.score(session_id, "ada")
    assert (score.name, b"".join(blocks)) == ("hymn.musicxml", HYMN)


def test_the_same_score_twice_is_one_object(desk: Desk) -> None:
    session_id = desk.new_session()
    desk.sessions.put_score(session_id, "ada", HYMN, "again.musicxml")
    assert len(desk.objects.find(session_prefix(session_id))) == 1
    assert desk.sessions.get(session_id, "ada").score is not None


def test_a_score_gives_its_session_time(desk: Desk) -> None:
    session_id = desk.new_session()
    desk.clock.now += 900.0
    desk.sessions.put_score(session_id, "ada", HYMN, "hymn.musicxml")
    desk.clock.now += 900.0
    assert desk.sessions.get(session_id, "ada").session_id == session_id
    desk.clock.now += 200.0
    assert code(partial(desk.sessions.get, session_id, "ada")) == "session_unknown"


def test_what_has_expired_is_removed_with_its_files(desk: Desk) -> None:
    session_id = desk.new_session()
    other = desk.new_session("bob")
    desk.clock.now += 500.0
    desk.sessions.put_score(other, "bob", HYMN, "hymn.musicxml")
    assert desk.sessions.remove_expired() == 0
    desk.clock.now += 600.0
    assert desk.sessions.remove_expired() == 1
    assert desk.objects.find(session_prefix(session_id)) == ()
    assert len(desk.objects.find(session_prefix(other))) == 1


def test_files_that_belong_to_nothing_are_removed(desk: Desk) -> None:
    session_id = desk.new_session()
    kept, gone = desk.ask(session_id), desk.ask(session_id)
    for job in (kept, gone):
        desk.objects.create(output_object(session_id, job.job_id, 1, "audio.wav"), b"RIFF")
    desk.objects.create(output_object("0" * 32, "late", 1, "audio.wav"), b"RIFF")
    assert desk.sessions.remove_left_files() == 1
    desk.jobs.delete(gone.job_id)
    assert desk.sessions.remove_left_files() == 1
    assert {found.name for found in desk.objects.find("sessions/")} == {
        score_object(session_id, kept.score_sha256), output_object(session_id, kept.job_id, 1, "audio.wav")
    }  # fmt: skip


def test_deleting_goes_on_where_it_broke_off(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = desk.new_session()
    desk.ask(session_id)

    def fail(name: str) -> None:
        raise StorageError("storage_unreachable", "No.", retryable=True)

    with monkeypatch.context() as broken:
        broken.setattr(desk.objects, "delete", fail)
        assert code(partial(desk.sessions.delete, session_id, "ada")) == "storage_unreachable"
    assert code(partial(desk.sessions.get, session_id, "ada")) == "session_unknown"  # nothing new begins in it
    assert code(partial(desk.ask, session_id)) == "session_unknown"
    desk.sessions.delete(session_id, "ada")
    assert desk.objects.find(session_prefix(session_id)) == ()
    assert desk.documents.read(session_id) is None


def test_a_deletion_that_broke_off_is_ended_by_whoever_tidies(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id, other = desk.new_session(), desk.new_session()

    def fail(name: str) -> None:
        if session_id in name:
            raise StorageError("storage_denied", "No.")
        delete(name)

    delete = desk.objects.delete
    with monkeypatch.context() as broken:
        broken.setattr(desk.objects, "delete", fail)
        for one in (session_id, other):
            with suppress(StorageError):
                desk.sessions.delete(one, "ada")
        third = desk.new_session("bob")
        assert desk.documents.expired(limit=5) == ()
        desk.clock.now += 61.0
        assert [session.session_id for session in desk.documents.expired(limit=5)] == [session_id]
        desk.clock.now += 1200.0
        with pytest.raises(StorageError):
            desk.sessions.remove_expired()
        assert desk.objects.find(session_prefix(third)) == ()  # what cannot be removed keeps nothing else
    assert desk.sessions.remove_expired() == 1
    assert desk.objects.find(session_prefix(session_id)) == ()


def test_a_job_asked_for_while_its_session_is_deleted_is_taken_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = desk.new_session()
    create = desk.jobs.create

    def create_late(job: Job) -> None:
        desk.sessions.delete(session_id, "ada")
        create(job)

    monkeypatch.setattr(desk.jobs, "create", create_late)
    assert code(partial(desk.ask, session_id)) == "session_unknown"
    assert desk.jobs.of_session(session_id, limit=10) == ()
    assert desk.dispatch.told == []


def test_scores_put_side_by_side_leave_one_of_them(desk: Desk) -> None:
    session_id = desk.new_session()
    scores = [HYMN + b"\n" * number for number in range(8)]
    crowd = [Thread(target=desk.sessions.put_score, args=(session_id, "ada", score, "x.musicxml")) for score in scores]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    _, blocks = desk.sessions.score(session_id, "ada")
    assert b"".join(blocks) in scores


def test_a_job_is_told_of_once_it_is_there(desk: Desk) -> None:
    job = desk.ask(desk.new_session())
    assert desk.dispatch.told == [job.job_id]
    assert desk.jobs.read(job.job_id) is not None


def test_a_job_that_nobody_could_be_told_of_waits(desk: Desk) -> None:
    desk.dispatch.is_out_of_reach = True
    job = desk.ask(desk.new_session())
    assert [waiting.job_id for waiting in desk.jobs.unfinished(limit=5)] == [job.job_id]


def test_a_key_stands_for_a_song_in_a_session(desk: Desk) -> None:
    session_id, other = desk.new_session(), desk.new_session()
    first = desk.ask(session_id, "key", seed=1)
    assert desk.ask(session_id, "key", seed=1).job_id == first.job_id
    assert code(partial(desk.ask, session_id, "key", seed=2)) == "idempotency_key_reused"
    assert desk.ask(other, "key", seed=2).job_id != first.job_id
    assert len(desk.dispatch.told) == 2


def test_a_key_is_honoured_where_there_is_no_room_for_another_job(desk: Desk) -> None:
    session_id = desk.new_session()
    first = desk.ask(session_id, "key")
    desk.ask(session_id)
    with pytest.raises(LimitError) as caught:
        desk.ask(session_id)
    assert caught.value.code == "too_many_jobs"
    assert caught.value.retry_after > 0
    assert desk.ask(session_id, "key").job_id == first.job_id


def test_somebody_elses_jobs_take_no_room(desk: Desk) -> None:
    theirs = desk.new_session("bob")
    for _ in range(2):
        desk.songs.ask(theirs, "bob", SongWishes())
    assert desk.ask(desk.new_session()).status == "queued"


def test_a_score_that_is_replaced_goes_unless_a_job_is_sung_from_it(desk: Desk) -> None:
    session_id = desk.new_session()
    for number in (1, 2, 3):
        desk.sessions.put_score(session_id, "ada", HYMN + b"\n" * number, "other.musicxml")
    assert len(desk.objects.find(session_prefix(session_id))) == 1


def test_a_score_put_into_a_session_that_goes_is_not_left_behind(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = desk.new_session()
    create = desk.objects.create

    def create_late(name: str, source: bytes, *, media_type: str) -> None:
        desk.sessions.delete(session_id, "ada")
        create(name, source, media_type=media_type)

    monkeypatch.setattr(desk.objects, "create", create_late)
    assert code(partial(desk.sessions.put_score, session_id, "ada", HYMN + b"\n", "x")) == "session_unknown"
    assert desk.objects.find(session_prefix(session_id)) == ()


def test_an_old_score_put_again_beside_another_one_is_there(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = desk.new_session()
    change = desk.sessions._change

    def change_late(*arguments: Any, **named: Any) -> Session:
        monkeypatch.setattr(desk.sessions, "_change", change)
        desk.sessions.put_score(session_id, "ada", HYMN + b"\n", "other.musicxml")  # and the old one is removed
        return change(*arguments, **named)

    monkeypatch.setattr(desk.sessions, "_change", change_late)
    desk.sessions.put_score(session_id, "ada", HYMN, "hymn.musicxml")
    _, blocks = desk.sessions.score(session_id, "ada")
    assert b"".join(blocks) == HYMN


def test_a_job_whose_score_is_replaced_while_it_is_asked_for_is_taken_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = desk.new_session()
    create = desk.jobs.create

    def create_late(job: Job) -> None:
        desk.sessions.put_score(session_id, "ada", HYMN + b"\n", "other.musicxml")
        create(job)

    monkeypatch.setattr(desk.jobs, "create", create_late)
    assert code(partial(desk.ask, session_id)) == "score_replaced"
    assert desk.jobs.of_session(session_id, limit=10) == ()


def test_a_score_that_is_replaced_stays_with_its_jobs(desk: Desk) -> None:
    session_id = desk.new_session()
    job = desk.ask(session_id)
    desk.sessions.put_score(session_id, "ada", HYMN + b"\n", "other.musicxml")
    assert desk.objects.find_one(score_object(session_id, job.score_sha256)) is not None
    assert desk.ask(session_id).score_sha256 != job.score_sha256


def test_an_output_is_one_of_its_job(desk: Desk) -> None:
    job = desk.ask(desk.new_session())
    for name in ("audio.wav", "../1/audio.wav", "", "take.json"):
        assert code(partial(desk.songs.find_output, job, name)) == "output_unknown"


def test_a_song_that_would_take_too_long_is_refused_with_the_figure(desk: Desk) -> None:
    pace = SongPace(10.0)
    wishes = SongWishes()
    pace.require_time(10.0 / UNMEASURED_RTF, wishes)
    with pytest.raises(OptionError) as caught:
        pace.require_time(60.0, wishes)
    assert caught.value.code == "song_too_long"
    assert "60 s" in caught.value.message
    assert "12 s" in caught.value.message
    assert "50 s of music" in caught.value.hint
    SongPace(None).require_time(1e9, wishes)


def test_the_pace_is_learned_from_songs_like_this_one(desk: Desk) -> None:
    pace = SongPace(100.0)
    job = desk.ask(desk.new_session(), quality="best")
    sung = replace(
        change_job(desk.jobs, job.job_id, partial(change.claim, holder="h", now=0.0)),
        status="succeeded", rtf=3.0, audio_seconds=30.0, voicebank=("Slow_1.0", "v"),
    )  # fmt: skip
    pace.learn(replace(sung, status="failed"))
    pace.learn(replace(sung, audio_seconds=1.0))
    assert pace.rtf(SongWishes(quality="best")) == UNMEASURED_RTF
    pace.learn(sung)
    pace.learn(replace(sung, rtf=2.0))
    assert pace.rtf(SongWishes(quality="best")) == 3.0
    assert pace.rtf(SongWishes(quality="best", voicebank="Slow_1.0")) == 3.0
    assert pace.rtf(SongWishes(quality="draft", voicebank="Slow_1.0")) == UNMEASURED_RTF
