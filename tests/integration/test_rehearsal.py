"""Production in rehearsal: every request may land on any instance, and the stores may be away for a while."""

from __future__ import annotations

import hashlib
import itertools
import operator
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx2
import pytest

from tests.integration.phrases import PHRASES, song_file
from tests.rehearsal.cloud import Cloud, run_cloud

POLLS = 1_000
POLLERS = 6
SHORT = 5
OUTAGE_SECONDS = int(os.environ.get("CANTILENA_TEST_OUTAGE", SHORT))
ANSWER_SECONDS = 3.0 if OUTAGE_SECONDS > SHORT else 8.0
"""The short form runs beside everything else, on machines with too few cores."""
SONG = song_file(PHRASES * (40 if OUTAGE_SECONDS > SHORT else 20))
NOTHING = (0, 0.0, 0)
STEPS = ("", "align", "durations", "pitch", "variance", "synthesize_audio", "postprocess")
FINISHED = ("succeeded", "failed", "canceled")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory, firestore_emulator) -> Iterator[Cloud]:
    with run_cloud(tmp_path_factory.mktemp("cloud"), firestore_emulator) as cloud:
        yield cloud


@pytest.fixture
def clara(cloud: Cloud) -> Iterator[httpx2.Client]:
    with client_of(cloud, "clara") as client:
        wait_for_both(cloud)
        yield client


def client_of(cloud: Cloud, user: str) -> httpx2.Client:
    token = cloud.mint.firebase(user)
    return httpx2.Client(base_url=cloud.front.url, timeout=60, headers={"Authorization": f"Bearer {token}"})


def wait_for_both(cloud: Cloud) -> None:
    end = time.monotonic() + 60
    for api in cloud.fleet.living:
        while (answer := httpx2.get(f"{api.serve.url}/ready", timeout=10)).status_code != 200:
            assert time.monotonic() < end, answer.text
            time.sleep(0.1)


def new_session(client: httpx2.Client) -> str:
    session: str = client.post("/sessions").raise_for_status().json()["session_id"]
    client.put(f"/sessions/{session}/score", content=SONG).raise_for_status()
    return session


def ask(client: httpx2.Client, session: str, **wishes) -> str:
    answer = client.post(f"/sessions/{session}/jobs", json={"cache": False, **wishes})
    assert answer.status_code == 202, answer.text
    return answer.json()["job_id"]


def wait_for(client: httpx2.Client, session: str, job: str, *, statuses=FINISHED) -> dict:
    """The job in one of these states; an answer that asks for patience gets it."""
    end = time.monotonic() + 100
    while True:
        answer = client.get(f"/sessions/{session}/jobs/{job}")
        assert answer.status_code in (200, 503), answer.text
        if answer.status_code == 200 and answer.json()["status"] in statuses:
            return answer.json()
        assert time.monotonic() < end, answer.text
        time.sleep(float(answer.headers.get("Retry-After", 0.1)))


def seq_of(tag: str) -> int:
    return int(tag.strip('"').split(".")[1])


@dataclass
class Watch:
    """What all pollers saw together: nobody may see less than somebody else had seen before he asked."""

    answers: Counter[int] = field(default_factory=Counter)
    furthest: dict[str, tuple[int, float, int]] = field(default_factory=dict)
    backwards: list[tuple] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def poll(self, client: httpx2.Client, route: str, tag: str | None) -> tuple[str, str]:
        """Ask once; gives the tag to ask with again, and the status of the job, empty where nothing is new."""
        before = dict(self.furthest)
        answer = client.get(route, headers={"If-None-Match": tag} if tag else {})
        with self.lock:
            self.answers[answer.status_code] += 1
            if answer.status_code != 200:
                return tag or "", ""
            job = answer.json()
            seen = (seq_of(answer.headers["ETag"]), job["progress"], STEPS.index(job["step"] or ""))
            if tag is None and any(map(operator.lt, seen, before.get(job["job_id"], NOTHING))):
                self.backwards.append((before[job["job_id"]], seen))
            furthest = self.furthest.get(job["job_id"], NOTHING)
            self.furthest[job["job_id"]] = tuple(map(max, seen, furthest))
        return answer.headers["ETag"], job["status"]


def watch_song(client: httpx2.Client, watch: Watch, route: str, *, is_conditional: bool) -> None:
    """Poll until the song is finished; who names what he knows gets that or more."""
    tag, status = "", ""
    while status not in FINISHED:
        known = tag
        tag, status = watch.poll(client, route, known if is_conditional and known else None)
        assert not known or seq_of(tag) >= seq_of(known)


def test_any_instance_answers_and_progress_never_goes_back(cloud, clara):
    session = new_session(clara)
    watch = Watch()
    for seed in itertools.count():
        job = ask(clara, session, seed=seed)
        routes = itertools.cycle([f"/sessions/{session}/progress", f"/sessions/{session}/jobs/{job}"])
        with ThreadPoolExecutor(POLLERS) as pollers:
            done = [
                pollers.submit(watch_song, clara, watch, next(routes), is_conditional=number % 3 == 2)
                for number in range(POLLERS)
            ]
        assert [future.exception() for future in done] == [None] * POLLERS
        assert wait_for(clara, session, job)["status"] == "succeeded"
        if watch.answers.total() >= POLLS:
            break
    print(f"{len(watch.furthest)} songs, answers {dict(watch.answers)}")
    assert set(watch.answers) <= {200, 304}
    assert watch.backwards == []
    assert all(seq >= 4 for seq, _, _ in watch.furthest.values())
    for host in cloud.front.hosts:
        assert sum(count for (who, _), count in cloud.front.answers.items() if who == host) > POLLS / 3


def test_both_instances_tell_of_a_song_that_one_of_them_sings(cloud, clara):
    session = new_session(clara)
    job = ask(clara, session)
    with ThreadPoolExecutor(2) as listeners:
        told = list(listeners.map(lambda api: events_of(f"{api.serve.url}", cloud, session, job), cloud.fleet.living))
    for events in told:
        ids = [int(number) for number, _ in events]
        assert ids == sorted(ids)
        assert (events[0][1], events[-1][1]) == ("progress", "done")
        assert len(set(ids)) >= 2
    assert told[0][-1] == told[1][-1]


def events_of(url: str, cloud: Cloud, session: str, job: str) -> list[tuple[str, str]]:
    """Id and name of every event, until the stream ends; events without an id carry the one before."""
    events, number = [], "0"
    with client_of(cloud, "clara") as client:
        route = f"{url}/sessions/{session}/jobs/{job}/events"
        with client.stream("GET", route) as stream:
            name = ""
            for line in stream.iter_lines():
                field_name, _, value = line.partition(": ")
                if field_name == "id":
                    number = value
                elif field_name == "event":
                    name = value
                elif not line and name:
                    events.append((number, name))
                    name = ""
    return events


def test_a_link_of_one_instance_opens_at_the_other(cloud, clara):
    session = new_session(clara)
    done = wait_for(clara, session, ask(clara, session, measures="1-12", format="flac"))
    (output,) = [output for output in done["outputs"] if output["kind"] == "audio"]
    for _ in cloud.front.hosts * 2:
        audio = httpx2.get(f"{cloud.front.url}{done['audio_url']}", timeout=30)
        assert hashlib.sha256(audio.content).hexdigest() == output["sha256"]


def test_another_user_finds_nothing_at_either(cloud, clara):
    session = new_session(clara)
    job = ask(clara, session, measures="1-12")
    routes = [f"/sessions/{session}{rest}" for rest in ("", "/score", "/progress", "/jobs", f"/jobs/{job}")]
    with client_of(cloud, "eve") as eve, httpx2.Client(base_url=cloud.front.url, timeout=30) as nobody:
        for route in routes * 2:
            assert (eve.get(route).status_code, nobody.get(route).status_code) == (404, 401)
        assert eve.post(f"/sessions/{session}/jobs/{job}/cancel").status_code == 404
    assert wait_for(clara, session, job)["status"] == "succeeded"


@pytest.mark.timeout(300)
def test_stores_that_are_away_for_a_while(cloud, clara):
    session = new_session(clara)
    running = ask(clara, session)
    wait_for(clara, session, running, statuses=("running", *FINISHED))
    asking = {"json": {"measures": "1-12"}, "headers": {"Idempotency-Key": "while-away"}}
    cloud.stop_stores()
    try:
        took = list(ask_while_away(clara, session, asking))
    finally:
        cloud.bring_stores_back()
    print(f"{len(took)} answers in {OUTAGE_SECONDS} s, the slowest after {max(took):.2f} s")
    assert max(took) <= ANSWER_SECONDS, took

    done = wait_for(clara, session, running)
    assert (done["status"], done["attempt"]) == ("succeeded", 1), done
    answer = clara.post(f"/sessions/{session}/jobs", **asking)
    while answer.status_code == 503:
        time.sleep(float(answer.headers["Retry-After"]))
        answer = clara.post(f"/sessions/{session}/jobs", **asking)
    assert answer.status_code in (200, 202)
    assert wait_for(clara, session, answer.json()["job_id"])["status"] == "succeeded"


def ask_while_away(client: httpx2.Client, session: str, asking: dict) -> Iterator[float]:
    """How long each answer took, for as long as the stores are away."""
    end = time.monotonic() + OUTAGE_SECONDS
    kinds = itertools.cycle([
        lambda: client.get(f"/sessions/{session}/progress"),
        lambda: client.post(f"/sessions/{session}/jobs", **asking),
        lambda: client.get(f"/sessions/{session}/score"),
        lambda: client.post("/sessions"),
    ])  # fmt: skip
    while time.monotonic() < end:
        begun = time.monotonic()
        answer = next(kinds)()
        yield time.monotonic() - begun
        assert answer.status_code == 503, answer.text
        assert float(answer.headers["Retry-After"]) >= 1
        assert answer.json()["retryable"]
