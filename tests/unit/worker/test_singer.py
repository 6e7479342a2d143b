"""What a service orders from its workers, and what it makes of their answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from cantilena.ports.jobs import JobWarning
from cantilena.ports.singers import SongOrder
from cantilena.worker import Answer, Depth, Progress, WorkerError
from cantilena.worker.singer import WorkerSinger

SONG = {
    "job_id": "j", "status": "succeeded", "duration_seconds": 2.5, "rtf": 0.1, "timings_ms": {"total": 250.0},
    "voicebank": {"id": "Vesper_1.0", "version": "abc"},
    "warnings": [{"code": "note_low", "message": "A note is low.", "part": "Soprano"}],
    "outputs": [
        {"name": "timings.json", "kind": "timings", "format": "json", "bytes": 2},
        {"name": "score.musicxml", "kind": "score", "format": "musicxml", "bytes": 3},
        {"name": "audio.flac", "kind": "audio", "format": "flac", "bytes": 9, "duration_seconds": 2.5,
         "sample_rate": 44100},
    ],
}  # fmt: skip


class Scripted:
    """A worker that answers as it is told."""

    name = "scripted"

    def __init__(self, content: Mapping[str, Any], *, is_ready: bool = True, songs: int = 0) -> None:
        self.content = content
        self.is_ready = is_ready
        self.depth = {"songs": Depth(running=songs, waiting=0)}
        self.calls: list[tuple[str, Mapping[str, Any], Mapping[str, str]]] = []

    async def call(self, tool: str, arguments: Mapping[str, Any], *, on_progress, meta, **_: object) -> Answer:
        self.calls.append((tool, arguments, meta))
        for message, value in (("opening the voicebank", 0.02), ("pitch: phrase 1 of 2", 0.1)):
            await on_progress(Progress(value=value, total=1.0, message=message))
        return Answer(content=self.content, text="Sung.", attempt=1)


@pytest.fixture
def order(tmp_path: Path) -> SongOrder:
    folder = tmp_path / "j-1"
    folder.mkdir()
    for name in ("timings.json", "audio.flac"):
        (folder / name).write_bytes(b"{}")
    return SongOrder(score=folder / "score.musicxml", wishes={"seed": 7}, folder=folder, seconds=60.0)


def sing(order: SongOrder, *workers: Scripted, heard: list | None = None):
    singer = WorkerSinger(workers, files=order.folder.parent)
    told = heard if heard is not None else []
    return anyio.run(lambda: singer.sing(order, on_progress=lambda *moment: told.append(moment)))


def test_an_order_is_a_call_by_reference_and_its_files_are_handed_over(order):
    worker, heard = Scripted(SONG), []
    song = sing(order, worker, heard=heard)
    assert worker.calls == [
        ("synthesize", {"format": "wav", "seed": 7, "path": "j-1/score.musicxml"}, {"hand_over": "j-1"})
    ]
    assert heard == [("", "opening the voicebank", 0.02), ("pitch", "phrase 1 of 2", 0.1)]
    assert [(file.path.name, file.kind, file.sample_rate) for file in song.files] == [
        ("audio.flac", "audio", 44100), ("timings.json", "timings", None),
    ]  # fmt: skip
    assert (song.voicebank, song.audio_seconds) == (("Vesper_1.0", "abc"), 2.5)
    assert song.warnings == (JobWarning(code="note_low", message="A note is low.", part="Soprano"),)


@pytest.mark.parametrize(
    "answer",
    [{}, SONG | {"status": "canceled"}, SONG | {"voicebank": None},
     SONG | {"outputs": [{"name": "lost.wav", "kind": "audio", "format": "wav"}]}],
)  # fmt: skip
def test_an_answer_that_is_no_song_is_an_error(order, answer):
    with pytest.raises(WorkerError) as invalid:
        sing(order, Scripted(answer))
    assert invalid.value.code == "worker_answer_invalid"


def test_a_worker_that_is_idle_is_asked(order):
    dead, busy, idle = Scripted(SONG, is_ready=False), Scripted(SONG, songs=1), Scripted(SONG)
    sing(order, dead, busy, idle)
    assert [len(worker.calls) for worker in (dead, busy, idle)] == [0, 0, 1]


def test_nobody_is_ready_while_all_sing(tmp_path):
    busy = WorkerSinger([Scripted(SONG, songs=1)], files=tmp_path)
    assert not anyio.run(lambda: busy.is_ready(seconds=0.0))
    assert anyio.run(lambda: WorkerSinger([Scripted(SONG)], files=tmp_path).is_ready(seconds=0.0))
