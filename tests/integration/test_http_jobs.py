"""Jobs over HTTP: asked for, polled, waited for, listened to, stopped; sung by another instance, through the store."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cantilena.errors import InferenceError
from cantilena.interfaces.http.callers import MOST_WAITING
from cantilena.ports.identity import Caller
from cantilena.ports.jobs import JobStoreError, JobWarning
from tests.serving.server import Instance, advance, begin, fail, finish, serving, settings_of


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with serving(settings_of(tmp_path_factory.mktemp("data"))) as running:
        yield running


@pytest.fixture(scope="module")
def session_id(instance: Instance) -> str:
    return instance.new_session()


def later(seconds: float, work: Callable[[], object]) -> threading.Timer:
    """Do something while a client waits."""
    timer = threading.Timer(seconds, work)
    timer.start()
    return timer


def events_of(stream: httpx2.Response) -> Iterator[dict[str, Any]]:
    """The events of a stream, each with its name, its id where it has one, and its data."""
    event: dict[str, Any] = {}
    for line in stream.iter_lines():
        name, colon, value = line.partition(": ")
        if not line and event:
            yield event
            event = {}
        elif colon and name in ("event", "id"):
            event[name] = value
        elif colon and name == "data":
            event["data"] = json.loads(value)


def test_a_song_from_the_question_to_the_audio(instance: Instance, session_id: str) -> None:
    asked = instance.client.post(f"/sessions/{session_id}/jobs", json={"verse": "1", "seed": 7})
    assert asked.status_code == 202
    job_id = asked.json()["job_id"]
    route = f"/sessions/{session_id}/jobs/{job_id}"
    assert asked.headers["location"] == route
    assert asked.json()["status"] == "queued"
    assert asked.json()["request"] == {"verse": "1", "seed": 7, "score_name": "score"}
    assert job_id in instance.told.job_ids

    begin(instance.service.stores.jobs, job_id)
    advance(instance.service.stores.jobs, job_id, step="pitch", message="phrase 3 of 12", progress=0.25)
    progress = instance.client.get(f"/sessions/{session_id}/progress").json()
    assert set(progress) == {
        "status", "step", "message", "progress", "audio_url", "error", "job_id", "updated_at"
    }  # fmt: skip
    assert (progress["status"], progress["step"], progress["message"]) == ("running", "pitch", "phrase 3 of 12")

    finish(instance.service.stores, job_id, b"RIFF....")
    job = instance.client.get(route).json()
    assert (job["status"], job["progress"], job["voicebank"]["id"]) == ("succeeded", 1.0, "Tiny_1.0")
    assert instance.client.get(job["audio_url"]).content == b"RIFF...."
    assert instance.client.get(f"{route}/outputs/audio.wav").content == b"RIFF...."


def test_a_session_without_jobs_is_idle(instance: Instance) -> None:
    session_id = instance.client.post("/sessions").json()["session_id"]
    assert instance.client.get(f"/sessions/{session_id}/progress").json() == {"status": "idle"}
    refused = instance.client.post(f"/sessions/{session_id}/jobs", json={})
    assert (refused.status_code, refused.json()["code"]) == (404, "score_missing")


@pytest.mark.parametrize(
    ("wishes", "status", "code"),
    [
        ({"transpose": 99}, 422, "option_invalid"),
        ({"transpose": "2"}, 422, "option_invalid"),
        ({"volume": 11}, 422, "option_invalid"),
        ({"quality": "superb"}, 422, "option_invalid"),
        ({"part": "Tuba"}, 422, "part_unknown"),
        ({"verse": "9"}, 422, "verse_unknown"),
        ({"measures": "900-901"}, 422, "measure_unknown"),
        ({"measures": "-"}, 422, "option_invalid"),
        ({"voicebank": "Nobody_1.0"}, 422, "voicebank_unknown"),
        ({"voicebank": "/etc"}, 422, "voicebank_unknown"),
        ({"controls": {"loudness": 1.0}}, 422, "control_unknown"),
        ([], 422, "option_invalid"),
        ({"pronunciations": {"grace": "G R EY S"}, "device": "cuda"}, 422, "option_invalid"),
    ],
)
def test_what_cannot_be_sung_is_refused_before_there_is_a_job(
    instance: Instance, session_id: str, wishes: Any, status: int, code: str
) -> None:
    before = instance.client.get(f"/sessions/{session_id}/jobs").json()
    answer = instance.client.post(f"/sessions/{session_id}/jobs", json=wishes)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.json()
    assert answer.json()["hint"]
    assert instance.client.get(f"/sessions/{session_id}/jobs").json() == before


def test_bodies_that_are_no_json(instance: Instance, session_id: str) -> None:
    route = f"/sessions/{session_id}/jobs"
    for body, kind, status, code in (
        (b"{", "application/json", 400, "body_invalid"),
        (b"\xff\xfe", "application/json", 400, "body_invalid"),
        (b"a=b", "application/x-www-form-urlencoded", 415, "media_type_unsupported"),
        (b'"' + b"x" * 2_100_000 + b'"', "application/json", 413, "body_too_large"),
        (b"[" * 100_000, "application/json", 400, "body_invalid"),
    ):
        answer = instance.client.post(route, content=body, headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_same_song_under_the_same_key_is_one_job(instance: Instance, session_id: str) -> None:
    key = {"Idempotency-Key": "a-key-of-mine"}
    route = f"/sessions/{session_id}/jobs"
    first = instance.client.post(route, json={"seed": 1}, headers=key)
    again = instance.client.post(route, json={"seed": 1}, headers=key)
    other = instance.client.post(route, json={"seed": 2}, headers=key)
    assert first.json()["job_id"] == again.json()["job_id"]
    assert again.status_code == 202
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    elsewhere = instance.new_session()
    theirs = instance.client.post(f"/sessions/{elsewhere}/jobs", json={"seed": 2}, headers=key)
    assert theirs.status_code == 202
    assert theirs.json()["job_id"] != first.json()["job_id"]


def test_a_key_used_by_many_at_once_is_one_job(instance: Instance, session_id: str) -> None:
    found: list[str] = []

    def ask() -> None:
        answer = httpx2.post(
            f"{instance.url}/sessions/{session_id}/jobs", json={"seed": 3}, headers={"Idempotency-Key": "crowd"}
        )
        found.append(answer.json()["job_id"])

    crowd = [threading.Thread(target=ask) for _ in range(8)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_there_are_only_so_many_unfinished_jobs(tmp_path: Path) -> None:
    with serving(settings_of(tmp_path, max_jobs=2)) as strict:
        session_id = strict.new_session()
        first = strict.ask(session_id)["job_id"]
        strict.ask(session_id)
        refused = strict.client.post(f"/sessions/{session_id}/jobs", json={})
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_jobs")
        assert refused.json()["retryable"]
        assert int(refused.headers["retry-after"]) > 0
        strict.client.post(f"/sessions/{session_id}/jobs/{first}/cancel")
        strict.ask(session_id)


def test_a_poll_that_has_seen_it_all_gets_nothing(instance: Instance, session_id: str) -> None:
    job_id = instance.ask(session_id)["job_id"]
    for route in (f"/sessions/{session_id}/jobs/{job_id}", f"/sessions/{session_id}/progress"):
        seen = instance.client.get(route).headers["etag"]
        same = instance.client.get(route, headers={"If-None-Match": seen})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", seen)
        assert instance.client.get(route, headers={"If-None-Match": f'"other", W/{seen}'}).status_code == 304
        assert instance.client.get(route, headers={"If-None-Match": '"other.99"'}).status_code == 200

    seen = instance.client.get(f"/sessions/{session_id}/jobs/{job_id}").headers["etag"]
    begin(instance.service.stores.jobs, job_id)  # by another instance: nobody here is told
    end = time.monotonic() + 2.0
    while (answer := instance.client.get(route, headers={"If-None-Match": seen})).status_code == 304:
        assert time.monotonic() < end
    assert answer.json()["status"] == "running"


def test_a_long_poll_is_answered_when_something_happens(instance: Instance, session_id: str) -> None:
    job_id = instance.ask(session_id)["job_id"]
    route = f"/sessions/{session_id}/jobs/{job_id}"
    seen = instance.client.get(route).headers["etag"]
    nothing = instance.client.get(route, params={"wait": 0.3}, headers={"If-None-Match": seen})
    assert nothing.status_code == 304

    timer = later(0.3, lambda: begin(instance.service.stores.jobs, job_id))
    answer = instance.client.get(route, params={"wait": 20}, headers={"If-None-Match": seen})
    timer.join()
    assert answer.json()["status"] == "running"

    timer = later(0.3, lambda: finish(instance.service.stores, job_id, b"RIFF"))
    done = instance.client.get(route, params={"wait": 20})
    timer.join()
    assert done.json()["status"] == "succeeded"
    assert instance.client.get(route, params={"wait": 61}).status_code == 422
    assert instance.client.get(route, params={"wait": "nan"}).status_code == 422


def test_who_prefers_to_wait_is_answered_when_it_is_done(instance: Instance, session_id: str) -> None:
    prefer = {"Prefer": "respond-async, wait=20"}
    before = len(instance.told.job_ids)

    def sing() -> None:
        while len(instance.told.job_ids) == before:
            time.sleep(0.01)
        begin(instance.service.stores.jobs, instance.told.job_ids[-1])
        finish(instance.service.stores, instance.told.job_ids[-1], b"RIFF")

    timer = later(0.0, sing)
    done = instance.client.post(f"/sessions/{session_id}/jobs", json={}, headers=prefer)
    timer.join()
    assert (done.status_code, done.json()["status"]) == (200, "succeeded")
    assert done.headers["preference-applied"] == "wait"
    late = instance.client.post(f"/sessions/{session_id}/jobs", json={}, headers={"Prefer": "wait=0"})
    assert (late.status_code, late.json()["status"]) == (202, "queued")


def test_jobs_are_listed_in_pages_newest_first(instance: Instance) -> None:
    session_id = instance.new_session()
    asked = [instance.ask(session_id, seed=seed)["job_id"] for seed in range(5)]
    route, listed, cursor = f"/sessions/{session_id}/jobs", [], None
    while True:
        page = instance.client.get(route, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        listed += [job["job_id"] for job in page["jobs"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert listed == asked[::-1]
    assert instance.client.get(route, params={"limit": 0}).status_code == 422
    assert instance.client.get(route, params={"cursor": "../x"}).json()["code"] == "option_invalid"


def test_a_job_is_stopped_as_often_as_one_likes(instance: Instance, session_id: str) -> None:
    waiting = instance.ask(session_id)["job_id"]
    for _ in range(2):
        answer = instance.client.post(f"/sessions/{session_id}/jobs/{waiting}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (202, "canceled")

    running = instance.ask(session_id)["job_id"]
    begin(instance.service.stores.jobs, running)
    answer = instance.client.post(f"/sessions/{session_id}/jobs/{running}/cancel")
    assert (answer.json()["status"], answer.json()["cancel_requested"]) == ("running", True)

    finish(instance.service.stores, running, b"RIFF")  # it was quicker
    answer = instance.client.post(f"/sessions/{session_id}/jobs/{running}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "succeeded")


def test_what_is_nobodys_is_not_there(instance: Instance, session_id: str) -> None:
    job_id = instance.ask(session_id)["job_id"]
    other = instance.new_session()
    unknown = "0" * 32
    for method, route in (
        ("GET", f"/sessions/{unknown}"), ("DELETE", f"/sessions/{unknown}"), ("GET", f"/sessions/{unknown}/score"),
        ("PUT", f"/sessions/{unknown}/score"), ("POST", f"/sessions/{unknown}/jobs"),
        ("GET", f"/sessions/{unknown}/jobs"), ("GET", f"/sessions/{unknown}/progress"),
        ("GET", f"/sessions/..%2f{session_id}/progress"), ("GET", f"/sessions/{session_id}/jobs/{unknown}"),
        ("GET", f"/sessions/{other}/jobs/{job_id}"), ("GET", f"/sessions/{other}/jobs/{job_id}/events"),
        ("POST", f"/sessions/{other}/jobs/{job_id}/cancel"),
        ("GET", f"/sessions/{other}/jobs/{job_id}/outputs/audio.wav"),
        ("GET", f"/sessions/{session_id}/jobs/{job_id}/outputs/..%2f..%2fscore"),
        ("GET", "/nowhere"), ("GET", "/voicebanks/Nobody"), ("POST", f"/internal/jobs/{job_id}/run"),
    ):  # fmt: skip
        answer = instance.client.request(method, route)
        assert answer.status_code == 404, route
        assert answer.json()["code"] in (
            "session_unknown", "job_unknown", "output_unknown", "route_unknown", "voicebank_unknown"
        )  # fmt: skip
    wrong = instance.client.patch(f"/sessions/{session_id}/score")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, PUT")
    assert wrong.json()["code"] == "method_not_allowed"


def test_events_tell_everything_once(instance: Instance, session_id: str) -> None:
    job_id = instance.ask(session_id)["job_id"]
    stores = instance.service.stores
    route = f"/sessions/{session_id}/jobs/{job_id}/events"
    warning = JobWarning(code="note_outside_range", message="Too high.", part="Voice", measure="3")
    seen: list[dict[str, Any]] = []
    with instance.client.stream("GET", route) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for event in events_of(stream):
            seen.append(event)
            if len(seen) == 1:
                begin(stores.jobs, job_id)
            elif len(seen) == 2:
                finish(stores, job_id, b"RIFF", warnings=(warning,))
    assert [event["event"] for event in seen] == ["progress", "progress", "warning", "output", "done"]
    assert [event.get("id") for event in seen] == ["0", "1", None, None, "2"]
    assert seen[2]["data"]["measure"] == "3"
    assert instance.client.get(seen[3]["data"]["url"]).content == b"RIFF"
    assert seen[4]["data"]["status"] == "succeeded"

    with instance.client.stream("GET", route, headers={"Last-Event-ID": "1"}) as stream:
        assert [event["event"] for event in events_of(stream)] == ["warning", "output", "done"]
    assert instance.client.get(route, headers={"Last-Event-ID": "2"}).status_code == 204
    with instance.client.stream("GET", route, headers={"Last-Event-ID": "no number"}) as stream:
        assert len(list(events_of(stream))) == 3


def test_events_tell_why_it_failed(instance: Instance, session_id: str) -> None:
    job_id = instance.ask(session_id)["job_id"]
    begin(instance.service.stores.jobs, job_id)
    fail(instance.service.stores.jobs, job_id, InferenceError("inference_failed", "The engine failed.", retryable=True))
    with instance.client.stream("GET", f"/sessions/{session_id}/jobs/{job_id}/events") as stream:
        (event,) = events_of(stream)
    assert event["event"] == "error"
    assert (event["data"]["code"], event["data"]["retryable"]) == ("inference_failed", True)


def test_listeners_and_waiters_are_let_go_when_the_server_ends(tmp_path: Path) -> None:
    with serving(settings_of(tmp_path)) as instance:
        session_id = instance.new_session()
        job_id = instance.ask(session_id)["job_id"]
        ended: list[str] = []

        def listen() -> None:
            with httpx2.stream("GET", f"{instance.url}/sessions/{session_id}/jobs/{job_id}/events") as stream:
                ended.extend(event["event"] for event in events_of(stream))

        listener = threading.Thread(target=listen)
        listener.start()
        time.sleep(0.5)
        instance.service.watch.close()
        listener.join(timeout=5)
        assert not listener.is_alive()
        assert ended == ["progress"]


class Clara:
    """Everybody is Clara."""

    def recognise(self, token: str | None) -> Caller:
        return Caller(owner="clara")


def test_many_waiting_requests_of_one_user_keep_nobody_out(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, identity="firebase", firebase_project="a-project")
    with serving(settings, identity=Clara()) as instance:
        session_id = instance.new_session()
        route = f"/sessions/{session_id}/jobs/{instance.ask(session_id)['job_id']}"
        with ExitStack() as streams:
            for _ in range(MOST_WAITING):
                streams.enter_context(instance.client.stream("GET", f"{route}/events"))
            for refused in (instance.client.get(f"{route}/events"), instance.client.get(route, params={"wait": 5})):
                assert (refused.status_code, refused.json()["code"]) == (429, "too_many_waiting")
            assert instance.client.get(route).status_code == 200
            waited = instance.client.post(f"/sessions/{session_id}/jobs", json={}, headers={"Prefer": "wait=5"})
            assert waited.status_code == 202
        end = time.monotonic() + 5.0
        while instance.client.get(route, params={"wait": 0.01}).status_code == 429:
            assert time.monotonic() < end


def test_a_stream_outlives_an_outage(instance: Instance, session_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cantilena.interfaces.http.events._OUTAGE_SECONDS", 0.05)
    job_id = instance.ask(session_id)["job_id"]
    stores = instance.service.stores
    read, is_out_of_reach = stores.jobs.read, threading.Event()

    def read_or_fail(job_id: str) -> Any:
        if is_out_of_reach.is_set():
            raise JobStoreError("jobs_unreachable", "No.", retryable=True)
        return read(job_id)

    monkeypatch.setattr(stores.jobs, "read", read_or_fail)
    with instance.client.stream("GET", f"/sessions/{session_id}/jobs/{job_id}/events") as stream:
        events = events_of(stream)
        assert next(events)["data"]["status"] == "queued"
        is_out_of_reach.set()
        time.sleep(0.6)
        is_out_of_reach.clear()
        begin(stores.jobs, job_id)
        assert next(events)["data"]["status"] == "running"
