"""Sessions and scores over HTTP: a real server, SQLite and a folder."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cantilena.service.object_names import session_prefix
from tests.serving.server import HYMN, Instance, begin, finish, serving, settings_of


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with serving(settings_of(tmp_path_factory.mktemp("data"))) as running:
        yield running


def packed(score: bytes, name: str = "score.xml") -> bytes:
    container = f'<container><rootfiles><rootfile full-path="{name}"/></rootfiles></container>'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", container)
        archive.writestr(name, score)
    return file.getvalue()


def test_a_session_is_made_filled_shown_and_deleted(instance: Instance) -> None:
    made = instance.client.post("/sessions")
    assert made.status_code == 201
    session_id = made.json()["session_id"]
    assert made.headers["location"] == f"/sessions/{session_id}"
    assert made.json()["score"] is None

    put = instance.client.put(f"/sessions/{session_id}/score?name=Amazing.musicxml", content=HYMN.read_bytes())
    assert put.status_code == 200
    assert put.json()["title"] == "Amazing Grace"
    assert put.json()["parts"][0]["verses"] == ["1", "2", "3"]

    shown = instance.client.get(f"/sessions/{session_id}").json()
    assert shown["score"]["name"] == "Amazing.musicxml"
    assert shown["score"]["sha256"] == hashlib.sha256(HYMN.read_bytes()).hexdigest()

    assert instance.client.delete(f"/sessions/{session_id}").status_code == 204
    assert instance.client.get(f"/sessions/{session_id}").status_code == 404
    assert instance.client.get(f"/sessions/{session_id}/progress").status_code == 404
    assert instance.client.delete(f"/sessions/{session_id}").status_code == 404


def test_the_score_comes_back_as_it_came(instance: Instance) -> None:
    session_id = instance.new_session()
    got = instance.client.get(f"/sessions/{session_id}/score")
    assert got.content == HYMN.read_bytes()
    again = instance.client.get(f"/sessions/{session_id}/score", headers={"If-None-Match": got.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_a_compressed_score_comes_back_compressed_or_plain(instance: Instance) -> None:
    mxl = packed(HYMN.read_bytes())
    session_id = instance.new_session(mxl)
    assert instance.client.get(f"/sessions/{session_id}/score").content == mxl
    plain = instance.client.get(f"/sessions/{session_id}/score", params={"format": "musicxml"})
    assert plain.content == HYMN.read_bytes()
    assert plain.headers["content-type"] == "application/vnd.recordare.musicxml+xml"
    assert instance.client.get(f"/sessions/{session_id}/score", params={"format": "pdf"}).status_code == 422


def test_a_form_brings_a_score_and_its_name(instance: Instance) -> None:
    session_id = instance.client.post("/sessions").json()["session_id"]
    put = instance.client.put(
        f"/sessions/{session_id}/score", files={"file": ("../../Grüße.musicxml", HYMN.read_bytes())}
    )
    assert put.status_code == 200
    assert instance.client.get(f"/sessions/{session_id}").json()["score"]["name"] == "Grüße.musicxml"
    got = instance.client.get(f"/sessions/{session_id}/score")
    assert got.headers["content-disposition"] == "inline; filename*=UTF-8''Gr%C3%BC%C3%9Fe.musicxml"


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"no score at all", {}, 422, "score_not_xml"),
        (b"", {}, 422, "score_not_xml"),
        (b"{}", {"Content-Type": "application/json"}, 415, "media_type_unsupported"),
        (b"abc", {"Content-Encoding": "gzip"}, 415, "media_type_unsupported"),
        (b"abc", {"Content-Type": "multipart/form-data; boundary=x"}, 400, "body_invalid"),
        (b"abc", {"Content-Type": "multipart/form-data"}, 400, "body_invalid"),
        (b"--x\r\n\r\n--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}, 400, "body_invalid"),
        (b"x" * (16 * 2**20 + 1), {}, 413, "body_too_large"),
    ],
)
def test_what_is_no_score_changes_nothing(
    instance: Instance, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    session_id = instance.new_session()
    answer = instance.client.put(f"/sessions/{session_id}/score", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert instance.client.get(f"/sessions/{session_id}/score").content == HYMN.read_bytes()


def test_a_body_without_a_length_is_cut_off_where_it_is_too_long(tmp_path: Path) -> None:
    with serving(settings_of(tmp_path, max_upload_bytes=100_000)) as small:
        session_id = small.client.post("/sessions").json()["session_id"]
        endless = (b"x" * 10_000 for _ in range(100))
        answer = small.client.put(f"/sessions/{session_id}/score", content=endless)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        form = small.client.put(f"/sessions/{session_id}/score", files={"file": ("a.xml", b"x" * 100_001)})
        assert (form.status_code, form.json()["code"]) == (413, "body_too_large")


def test_there_are_only_so_many_sessions(tmp_path: Path) -> None:
    with serving(settings_of(tmp_path, max_sessions=2)) as strict:
        first = strict.client.post("/sessions").json()["session_id"]
        strict.client.post("/sessions")
        refused = strict.client.post("/sessions")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_sessions")
        assert int(refused.headers["retry-after"]) > 0
        strict.client.delete(f"/sessions/{first}")
        assert strict.client.post("/sessions").status_code == 201


def test_deleting_a_session_leaves_nothing_behind(instance: Instance) -> None:
    session_id = instance.new_session()
    sung, waiting = instance.ask(session_id), instance.ask(session_id)
    begin(instance.service.stores.jobs, sung["job_id"])
    finish(instance.service.stores, sung["job_id"], b"RIFF")
    objects = instance.service.stores.objects
    assert len(objects.find(session_prefix(session_id))) == 2

    assert instance.client.delete(f"/sessions/{session_id}").status_code == 204
    assert objects.find(session_prefix(session_id)) == ()
    for job in (sung, waiting):
        assert instance.service.stores.jobs.read(job["job_id"]) is None


def test_deleting_a_session_stops_what_is_sung_in_it(instance: Instance) -> None:
    session_id = instance.new_session()
    job_id = instance.ask(session_id)["job_id"]
    begin(instance.service.stores.jobs, job_id)
    assert instance.client.delete(f"/sessions/{session_id}").status_code == 204  # nobody obeys: it goes all the same
    assert instance.service.stores.jobs.read(job_id) is None
