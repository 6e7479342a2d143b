"""The list of voicebanks: what was found last is believed, and nobody waits for a bucket that is silent."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event

import pytest

from cantilena.errors import VoicebankError
from cantilena.service.voicebank_list import BELIEVED_SECONDS, VoicebankList
from cantilena.voicebank import VoicebankInfo

TINY = VoicebankInfo(
    id="Tiny_1.0", name="Tiny", version="1", languages=(), speakers=(), ranges={}, licence="", credits="", bytes=1,
    folder=Path(),
)  # fmt: skip


class Bucket:
    """Finds one voicebank, late or not at all."""

    def __init__(self) -> None:
        self.looks = 0
        self.answers = Event()
        self.answers.set()
        self.error: VoicebankError | None = None

    def __call__(self) -> tuple[VoicebankInfo, ...]:
        self.looks += 1
        self.answers.wait(timeout=10.0)
        if self.error is not None:
            raise self.error
        return (TINY,) * self.looks


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def wait_for_looks(bucket: Bucket, number: int) -> None:
    end = time.monotonic() + 5.0
    while bucket.looks < number:
        assert time.monotonic() < end
        time.sleep(0.005)


def test_what_was_found_is_believed_for_a_while() -> None:
    bucket, clock = Bucket(), Clock()
    voicebanks = VoicebankList(bucket, now=clock)
    assert [len(voicebanks()) for _ in range(5)] == [1] * 5
    assert bucket.looks == 1
    clock.now += BELIEVED_SECONDS
    voicebanks()
    wait_for_looks(bucket, 2)
    end = time.monotonic() + 5.0
    while len(voicebanks()) == 1:
        assert time.monotonic() < end


def test_a_bucket_that_falls_silent_takes_no_voice_away() -> None:
    bucket, clock = Bucket(), Clock()
    voicebanks = VoicebankList(bucket, now=clock)
    voicebanks()
    bucket.answers.clear()
    clock.now += 1000.0
    begun = time.monotonic()
    assert [voicebanks() for _ in range(10)] == [(TINY,)] * 10
    assert time.monotonic() - begun < 1.0
    assert bucket.looks == 2  # one at a time
    bucket.error = VoicebankError("voicebank_bucket_unreachable", "No.", retryable=True)
    bucket.answers.set()
    clock.now += 1000.0
    assert voicebanks() == (TINY,)


def test_the_first_look_is_waited_for_but_not_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cantilena.service.voicebank_list._FIRST_SECONDS", 0.1)
    bucket = Bucket()
    bucket.answers.clear()
    with pytest.raises(VoicebankError) as caught:
        VoicebankList(bucket)()
    assert (caught.value.code, caught.value.retryable) == ("voicebanks_unreachable", True)
    bucket.answers.set()


def test_why_nothing_is_found_is_said() -> None:
    bucket, clock = Bucket(), Clock()
    bucket.error = VoicebankError("voicebank_folder_missing", "No.")
    voicebanks = VoicebankList(bucket, now=clock)
    for _ in range(3):
        with pytest.raises(VoicebankError, match=r"^No"):
            voicebanks()
    assert bucket.looks == 1
    bucket.error = None
    clock.now += 10.0
    assert len(voicebanks()) == 2


def test_a_look_that_goes_wrong_is_not_the_last() -> None:
    bucket, clock = Bucket(), Clock()

    def look() -> tuple[VoicebankInfo, ...]:
        if clock.now == 100.0:
            raise PermissionError("no")
        return bucket()

    voicebanks = VoicebankList(look, now=clock)
    with pytest.raises(VoicebankError) as caught:
        voicebanks()
    assert (caught.value.code, caught.value.retryable) == ("voicebanks_unreachable", True)
    clock.now += BELIEVED_SECONDS
    assert voicebanks() == (TINY,)
