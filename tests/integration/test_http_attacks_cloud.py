"""The same server over the stores of the cloud: what SQLite and a folder take, a database and a bucket may not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from cantilena.adapters.firestore_client import FirestoreDatabase
from cantilena.adapters.firestore_jobs import FirestoreJobs
from cantilena.adapters.firestore_sessions import FirestoreSessions
from cantilena.adapters.gcs_objects import PROMPT, GcsObjects
from cantilena.interfaces.http.composition import Stores
from tests.buckets.server import make_bucket, run_bucket_server
from tests.emulators.firestore import FirestoreEmulator
from tests.emulators.stores import open_database
from tests.serving.server import HYMN, Instance, begin, finish, serving, settings_of


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory, firestore_emulator: FirestoreEmulator) -> Iterator[Instance]:
    folder = tmp_path_factory.mktemp("cloud")
    with (
        run_bucket_server(folder / "buckets") as server,
        open_database(firestore_emulator.host) as database,
        pytest.MonkeyPatch.context() as patch,
    ):
        make_bucket(server, "songs")
        patch.setenv("STORAGE_EMULATOR_HOST", server.url)
        patch.setenv("NO_GCE_CHECK", "true")
        assert isinstance(database, FirestoreDatabase)
        objects = GcsObjects("songs", patience=PROMPT)
        stores = Stores(
            sessions=FirestoreSessions(database), jobs=FirestoreJobs(database), objects=objects, patient_objects=objects
        )
        with serving(settings_of(folder / "data"), stores=stores) as running:
            yield running
            assert re.findall(r'status="5\d\d".*', running.client.get("/metrics").text) == []
        objects.close()


@pytest.fixture(scope="module")
def session_id(instance: Instance) -> str:
    return instance.new_session()


@pytest.fixture(scope="module")
def job_id(instance: Instance, session_id: str) -> str:
    job_id: str = instance.ask(session_id)["job_id"]
    begin(instance.service.jobs, job_id)
    finish(instance.service.stores, job_id, b"RIFF" + bytes(1000))
    return job_id


IDS = (
    "__x__", "a%2fb", "a%2f..%2fb", "%2e%2e", "%00", "%ff", "a" * 1600, "%E2%80%AE", "a%20b",
    "jobs%2f" + "0" * 20, "*", "(default)", "%0a", "projects%2fp%2fdatabases%2f(default)", "gs:%2f%2fsongs%2fx", "`",
    "a.b", "%F0%9F%8E%B5",
)  # fmt: skip


@pytest.mark.parametrize("name", IDS, ids=lambda name: name[:20])
def test_what_is_no_id_is_not_there(instance: Instance, session_id: str, job_id: str, name: str) -> None:
    for route in (
        f"/sessions/{name}/score", f"/sessions/{name}/progress", f"/sessions/{session_id}/jobs/{name}",
        f"/sessions/{session_id}/jobs/{job_id}/outputs/{name}", f"/sessions/{name}/jobs/{job_id}/outputs/audio.wav",
    ):  # fmt: skip
        assert instance.client.get(route).status_code in (400, 404, 405, 422), route


@pytest.mark.parametrize("name", ["../../evil", "a\0b", "\u202etxt", "\r\nX: y", "gs://songs/x", "//", "a" * 5000])
def test_no_name_of_a_file_reaches_the_bucket(instance: Instance, name: str) -> None:
    session_id = instance.client.post("/sessions").json()["session_id"]
    sent = instance.client.put(f"/sessions/{session_id}/score?name={quote(name)}", content=HYMN.read_bytes())
    assert sent.status_code in (200, 422)
    names = [found.name for found in instance.service.stores.objects.find("")]
    assert all(re.fullmatch(r"sessions/[0-9a-f]+/(scores/[0-9a-f]{64}|jobs/[0-9a-f]+/1/audio\.wav)", n) for n in names)


def test_a_wish_too_large_for_a_document_is_refused(instance: Instance, session_id: str) -> None:
    words = {f"word{n}": " ".join(["AH0"] * 40) for n in range(9_000)}  # 1.4 MB
    answer = instance.client.post(f"/sessions/{session_id}/jobs", json={"pronunciations": words})
    assert answer.status_code == 413, answer.text[:300]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("key", ["__proto__", "a.b", "", "`", "a/b", "\ud800", "a" * 1600, "\0"])
def test_names_of_fields_are_no_names_of_the_database(instance: Instance, session_id: str, key: str) -> None:
    for wish in ({"pronunciations": {key: "AH"}}, {"controls": {key: 1}}, {key: 1}):
        answer = instance.client.post(f"/sessions/{session_id}/jobs", content=json.dumps(wish))
        assert answer.status_code in (202, 400, 422), answer.text[:300]
