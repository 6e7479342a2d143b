"""Audio over HTTP: in parts, by the owner or by a link, with tags that tell what a client has."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

import pytest

from tests.serving.server import Instance, begin, finish, serving, settings_of

AUDIO = random.Random(7).randbytes(3_000_000)
ETAG = f'"{hashlib.sha256(AUDIO).hexdigest()}"'


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with serving(settings_of(tmp_path_factory.mktemp("data"))) as running:
        yield running


@pytest.fixture(scope="module")
def route(instance: Instance) -> str:
    session_id = instance.new_session()
    job_id = instance.ask(session_id)["job_id"]
    begin(instance.service.stores.jobs, job_id)
    finish(instance.service.stores, job_id, AUDIO)
    return f"/sessions/{session_id}/jobs/{job_id}/outputs/audio.wav"


def test_all_of_it(instance: Instance, route: str) -> None:
    answer = instance.client.get(route)
    assert answer.content == AUDIO
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["content-length"] == str(len(AUDIO))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == ETAG
    assert answer.headers["content-disposition"] == 'inline; filename="audio.wav"'


def test_its_head_alone(instance: Instance, route: str) -> None:
    answer = instance.client.head(route)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(AUDIO))
    part = instance.client.head(route, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.headers["content-length"]) == (200, str(len(AUDIO)))  # ranges are for GET


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=0-99", slice(0, 100)),
        ("bytes=1000000-1999999", slice(1_000_000, 2_000_000)),
        ("bytes=2999990-", slice(2_999_990, None)),
        ("bytes=-10", slice(-10, None)),
        ("bytes=-9000000", slice(0, None)),
        ("bytes=2999999-9999999", slice(2_999_999, None)),
        ("Bytes = 5-9", slice(5, 10)),
    ],
)
def test_a_part_of_it(instance: Instance, route: str, asked: str, part: slice) -> None:
    if " = " in asked:
        asked = asked.replace(" = ", "=")
    answer = instance.client.get(route, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, AUDIO[part])
    start = part.indices(len(AUDIO))[0]
    assert answer.headers["content-range"] == f"bytes {start}-{start + len(answer.content) - 1}/{len(AUDIO)}"
    assert answer.headers["etag"] == ETAG


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=", "bytes=-", "bytes=9-3", "bytes=x-y"])
def test_what_is_not_answered_in_parts_is_answered_whole(instance: Instance, route: str, asked: str) -> None:
    answer = instance.client.get(route, headers={"Range": asked})
    assert (answer.status_code, len(answer.content)) == (200, len(AUDIO))


@pytest.mark.parametrize("asked", ["bytes=3000000-", "bytes=9999999-99999999", "bytes=-0"])
def test_a_part_that_is_not_there(instance: Instance, route: str, asked: str) -> None:
    answer = instance.client.get(route, headers={"Range": asked})
    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{len(AUDIO)}"


def test_a_part_only_of_what_the_client_began_with(instance: Instance, route: str) -> None:
    same = instance.client.get(route, headers={"Range": "bytes=0-9", "If-Range": ETAG})
    assert same.status_code == 206
    for other in ('"something-else"', f"W/{ETAG}", "Sun, 22 Nov 2026 10:00:00 GMT"):
        assert instance.client.get(route, headers={"Range": "bytes=0-9", "If-Range": other}).status_code == 200


def test_nothing_for_who_has_it(instance: Instance, route: str) -> None:
    for tag in (ETAG, f'"other", {ETAG}', "*"):
        answer = instance.client.get(route, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", ETAG)


def test_a_link_leads_to_this_output_alone(instance: Instance, route: str) -> None:
    session_id, job_id = route.split("/")[2], route.split("/")[4]
    token = instance.service.links.token(job_id, "audio.wav")
    assert instance.client.get(route, params={"token": token}).content == AUDIO
    for place, changed in (
        (route, token[:-2] + ("AA" if token[-2:] != "AA" else "BB")),
        (route, ""),
        (route, instance.service.links.token(job_id, "timings.json")),
        (route, instance.service.links.token("another", "audio.wav")),
    ):
        answer = instance.client.get(place, params={"token": changed})
        assert (answer.status_code, answer.json()["code"]) == (403, "link_invalid")
    elsewhere = route.replace(session_id, "0" * 32)
    assert instance.client.get(elsewhere, params={"token": token}).status_code == 404


def test_what_is_long_comes_in_chunks(instance: Instance) -> None:
    audio = bytes(31 * 2**20)
    session_id = instance.new_session()
    job_id = instance.ask(session_id)["job_id"]
    begin(instance.service.stores.jobs, job_id)
    finish(instance.service.stores, job_id, audio)
    route = f"/sessions/{session_id}/jobs/{job_id}/outputs/audio.wav"
    whole = instance.client.get(route)
    assert "content-length" not in whole.headers
    assert whole.headers["transfer-encoding"] == "chunked"
    assert len(whole.content) == len(audio)
    rest = instance.client.get(route, headers={"Range": "bytes=1-"})
    assert (rest.status_code, len(rest.content)) == (206, len(audio) - 1)
    assert "content-length" not in rest.headers
    assert instance.client.get(route, headers={"Range": "bytes=0-99"}).headers["content-length"] == "100"
    assert instance.client.head(route).headers["content-length"] == str(len(audio))
