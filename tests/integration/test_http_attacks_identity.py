"""Other people's things: everything that one user tries to read, change or guess of another's.

The list of what was tried: every route without a token and with forged ones, every route with another user's ids, ids
of one's own mixed with another's, links moved to other files, jobs and routes, links that are old or signed by others,
keys and cursors of another, and one user using up what belongs to all.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cantilena.adapters.google_identity import FirebaseIdentity
from cantilena.adapters.google_keys import SigningKeys
from cantilena.service.links import Links
from tests.serving.server import HYMN, Instance, begin, finish, serving, settings_of
from tests.tokens import PROJECT, Mint, run_key_server

MINT, STRANGER = Mint(), Mint()
AUDIO = b"RIFF" + bytes(range(256)) * 40
KEY, OLD = "the key of today, thirty-two or more", "the key of yesterday, thirty-two or more"
OPEN = {"/health", "/ready", "/metrics", "/openapi.json"}


@dataclass(frozen=True)
class User:
    """Somebody with a token, a session with a score and a song that was sung."""

    instance: Instance
    headers: dict[str, str]
    session_id: str = ""
    job_id: str = ""
    link: str = ""

    def ask(self, method: str, route: str, **other: Any) -> httpx2.Response:
        return self.instance.client.request(method, route, **{"headers": self.headers, **other})

    @property
    def session(self) -> str:
        return f"/sessions/{self.session_id}"

    @property
    def job(self) -> str:
        return f"{self.session}/jobs/{self.job_id}"

    @property
    def output(self) -> str:
        return f"{self.job}/outputs/audio.wav"

    @property
    def token(self) -> str:
        return self.link.partition("?token=")[2]


def _user(instance: Instance, name: str) -> User:
    user = User(instance, {"Authorization": f"Bearer {MINT.firebase(name)}"})
    session_id = user.ask("POST", "/sessions").json()["session_id"]
    user = replace(user, session_id=session_id)
    assert user.ask("PUT", f"{user.session}/score", content=HYMN.read_bytes()).status_code == 200
    return _sung(user)


def _sung(user: User) -> User:
    job_id = user.ask("POST", f"{user.session}/jobs", json={}).json()["job_id"]
    begin(user.instance.service.jobs, job_id)
    finish(user.instance.service.stores, job_id, AUDIO)
    user = replace(user, job_id=job_id)
    return replace(user, link=user.ask("GET", user.job).json()["audio_url"])


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with run_key_server(MINT) as keys:
        settings = settings_of(
            tmp_path_factory.mktemp("data"), identity="firebase", firebase_project=PROJECT, link_signing_key=KEY
        )
        identity = FirebaseIdentity(PROJECT, keys=SigningKeys(keys.url))
        with serving(settings, identity=identity) as running:
            yield running


@pytest.fixture(scope="module")
def clara(instance: Instance) -> User:
    return _user(instance, "clara")


@pytest.fixture(scope="module")
def robert(instance: Instance) -> User:
    return _user(instance, "robert")


def _routes(instance: Instance) -> list[tuple[str, str]]:
    paths = instance.client.get("/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods if path not in OPEN]


def _filled(path: str, session_id: str, job_id: str) -> str:
    return path.format(session_id=session_id, job_id=job_id, name="audio.wav", voicebank_id="Vesper_1.0")


def _problem(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"] if answer.content else ""


def test_every_route_asks_who_is_there(instance: Instance, clara: User) -> None:
    routes = _routes(instance)
    assert len(routes) > 12
    for method, path in routes:
        answer = instance.client.request(method, _filled(path, clara.session_id, clara.job_id))
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")


def _credentials() -> dict[str, dict[str, str]]:
    token = MINT.firebase("clara")

    def header(value: str) -> dict[str, str]:
        return {"Authorization": value}

    return {
        "no scheme": header(token), "Basic": header(f"Basic {token}"), "Digest": header(f"Digest {token}"),
        "Bearer twice": header(f"Bearer Bearer {token}"), "a comma": header(f"Bearer {token},{token}"),
        "quotes": header(f'Bearer "{token}"'), "nothing": header("Bearer"), "no word": header(""),
        "a tab": header(f"Bearer\t{token}"), "half": header(f"Bearer {token[: len(token) // 2]}"),
        "a stranger's": header(f"Bearer {STRANGER.firebase('clara')}"),
        "of another project": header(f"Bearer {MINT.firebase('clara', project='song-2')}"),
        "expired": header(f"Bearer {MINT.firebase('clara', exp=int(time.time()) - 60)}"),
        "not yet": header(f"Bearer {MINT.firebase('clara', iat=int(time.time()) + 600)}"),
        "unsigned": header(f"Bearer {token.rpartition('.')[0]}."),
        "of the queue": header(f"Bearer {MINT.task(audience=PROJECT, account='tasks@song-1.example')}"),
        "30 kB": header(f"Bearer {'a' * 30_000}"), "in another header": {"X-Authorization": f"Bearer {token}"},
        "of a proxy": {"Proxy-Authorization": f"Bearer {token}"}, "in a cookie": {"Cookie": f"__session={token}"},
        "of an emulator": header("Bearer owner"), "of a front end": {"X-Goog-Authenticated-User-Email": "clara"},
        "of Cloud Tasks": {"X-CloudTasks-QueueName": "songs", "X-AppEngine-QueueName": "songs"},
        "for somebody": {"X-Forwarded-User": "clara", "X-Serverless-Authorization": f"Bearer {token}"},
    }  # fmt: skip


@pytest.mark.parametrize("what", _credentials())
def test_what_is_no_token_of_clara_is_not_clara(instance: Instance, clara: User, what: str) -> None:
    answer = instance.client.get(clara.job, headers=_credentials()[what])
    assert answer.status_code in (401, 400)  # 400: no header is that long
    assert answer.headers.get("www-authenticate", "Bearer").startswith("Bearer")
    assert clara.job_id not in answer.text


@pytest.mark.parametrize("where", ["access_token", "auth", "key", "id_token", "token"])
def test_a_token_in_the_address_opens_nothing(instance: Instance, clara: User, where: str) -> None:
    token = MINT.firebase("clara")
    assert instance.client.get(clara.job, params={where: token}).status_code == 401
    assert instance.client.get(clara.output, params={where: token}).status_code in (401, 403)


def test_what_is_roberts_is_not_there_for_clara(instance: Instance, clara: User, robert: User) -> None:
    """Each route answers of another's things exactly as of things that never were."""
    nowhere = re.sub("[0-9a-zA-Z]", "0", robert.session_id)
    for method, path in _routes(instance):
        if "{session_id}" not in path:
            continue
        body: dict[str, Any] = {"content": HYMN.read_bytes()} if method == "PUT" else {}
        theirs = clara.ask(method, _filled(path, robert.session_id, robert.job_id), **body)
        nobodys = clara.ask(method, _filled(path, nowhere, robert.job_id), **body)
        assert theirs.status_code == 404, (method, path)
        assert theirs.text.replace(robert.session_id, nowhere) == nobodys.text
        assert {*theirs.headers} == {*nobodys.headers}
    assert robert.ask("GET", robert.job).json()["status"] == "succeeded"
    assert robert.ask("GET", f"{robert.session}/score").content == HYMN.read_bytes()
    assert robert.ask("GET", robert.output).content == AUDIO


def test_a_session_of_ones_own_is_no_way_to_anothers_job(clara: User, robert: User) -> None:
    mixed = f"{clara.session}/jobs/{robert.job_id}"
    for method, route in [
        ("GET", mixed), ("GET", f"{mixed}/events"), ("POST", f"{mixed}/cancel"), ("GET", f"{mixed}/outputs/audio.wav"),
        ("HEAD", f"{mixed}/outputs/audio.wav"), ("GET", f"{mixed}?wait=1"),
    ]:  # fmt: skip
        assert clara.ask(method, route).status_code == 404, route
    listed = clara.ask("GET", f"{clara.session}/jobs", params={"cursor": robert.job_id}).json()
    assert robert.job_id not in str(listed)
    assert clara.ask("GET", f"{clara.session}/progress", headers={
        **clara.headers, "If-None-Match": robert.ask("GET", robert.job).headers["etag"],
    }).json()["job_id"] == clara.job_id  # fmt: skip


def test_what_another_has_seen_is_no_key_to_it(clara: User, robert: User) -> None:
    etag = robert.ask("GET", robert.job).headers["etag"]
    known = {**clara.headers, "If-None-Match": etag}
    for route in (robert.job, f"{robert.session}/progress", f"{robert.job}?wait=1"):
        assert clara.ask("GET", route, headers=known).status_code == 404


def test_the_key_of_another_makes_a_song_of_ones_own(clara: User, robert: User) -> None:
    keyed = {"Idempotency-Key": "the same"}
    hers = clara.ask("POST", f"{clara.session}/jobs", json={}, headers={**clara.headers, **keyed})
    his = robert.ask("POST", f"{robert.session}/jobs", json={}, headers={**robert.headers, **keyed})
    assert (hers.status_code, his.status_code) == (202, 202)
    assert hers.json()["job_id"] != his.json()["job_id"]


def test_a_link_is_enough_for_its_file_and_nothing_else(instance: Instance, clara: User, robert: User) -> None:
    assert instance.client.get(clara.link).content == AUDIO
    token = {"token": clara.token}
    others = _sung(clara)
    for route, status in [
        (f"{clara.job}/outputs/timings.json", 403), (f"{clara.job}/outputs/audio.WAV", 403),
        (f"{clara.job}/outputs/audio.wav%20", 403), (f"{clara.job}/outputs/audio.wav%00", 403),
        (f"{others.job}/outputs/audio.wav", 403), (robert.output, 403),
        (f"{robert.session}/jobs/{clara.job_id}/outputs/audio.wav", 404),
        (f"/sessions/x/jobs/{clara.job_id}/outputs/audio.wav", 404),
    ]:  # fmt: skip
        assert instance.client.get(route, params=token).status_code == status, route
    for method, route in [
        ("GET", clara.job), ("GET", clara.session), ("GET", f"{clara.session}/score"), ("GET", f"{clara.job}/events"),
        ("GET", f"{clara.session}/progress"), ("POST", f"{clara.job}/cancel"), ("DELETE", clara.session),
        ("POST", f"{clara.session}/jobs"),
    ]:  # fmt: skip
        assert instance.client.request(method, route, params=token).status_code == 401, route


def test_a_link_that_was_not_given_out_opens_nothing(instance: Instance, clara: User) -> None:
    key_id, expiry, signature = clara.token.split(".")
    years = str(int(expiry) + 10**8)
    tried = (
        "", "x", "..", f"{key_id}.{years}.{signature}", f"{key_id}.{expiry}.{signature[:-2]}AA", f"{clara.token}%00",
        f"{clara.token}.{clara.token}", "A" * 5000, "\u00e9",
        Links([OLD], seconds=3600).token(clara.job_id, "audio.wav"),
        Links([KEY], seconds=60, now=lambda: time.time() - 86_400).token(clara.job_id, "audio.wav"),
    )  # fmt: skip
    for token in tried:
        answer = instance.client.get(clara.output, params={"token": token})
        assert answer.status_code == 403, token
        assert answer.json()["code"] in ("link_invalid", "link_expired")
    both = [("token", "x"), ("token", clara.token), ("token", "y")]
    assert instance.client.get(clara.output, params=both).status_code == 403


def test_an_owner_with_a_bad_link_is_told_so(clara: User) -> None:
    assert _problem(clara.ask("GET", clara.output, params={"token": "x"})) == (403, "link_invalid")


def test_no_link_outlives_its_session(instance: Instance) -> None:
    user = _user(instance, "gone")
    assert instance.client.get(user.link).status_code == 200
    assert user.ask("DELETE", user.session).status_code == 204
    assert instance.client.get(user.link).status_code == 404


@pytest.mark.parametrize(
    "name", ["clara ", "Clara", "clara/", "clara.", "clara%00", "cla\u0301ra", "local", "*", "a" * 128]
)
def test_names_that_are_nearly_the_same_are_other_users(instance: Instance, clara: User, name: str) -> None:
    headers = {"Authorization": f"Bearer {MINT.firebase(name)}"}
    assert instance.client.get(clara.session, headers=headers).status_code == 404
    made = instance.client.post("/sessions", headers=headers)
    assert made.status_code == 201
    assert clara.ask("GET", made.headers["location"]).status_code == 404


def test_nobody_uses_up_what_belongs_to_all(tmp_path: Path) -> None:
    with run_key_server(MINT) as keys:
        settings = settings_of(
            tmp_path, identity="firebase", firebase_project=PROJECT, link_signing_key=KEY, max_sessions=2, max_jobs=1,
            max_requests_per_minute=20,
        )  # fmt: skip
        with serving(settings, identity=FirebaseIdentity(PROJECT, keys=SigningKeys(keys.url))) as strict:
            greedy, modest = (
                User(strict, {"Authorization": f"Bearer {MINT.firebase(name)}"}) for name in ("greedy", "modest")
            )
            made = [greedy.ask("POST", "/sessions") for _ in range(3)]
            assert [answer.status_code for answer in made] == [201, 201, 429]
            assert _problem(made[-1]) == (429, "too_many_sessions")
            greedy = replace(greedy, session_id=made[0].json()["session_id"])
            greedy.ask("PUT", f"{greedy.session}/score", content=HYMN.read_bytes())
            songs = [greedy.ask("POST", f"{greedy.session}/jobs", json={"seed": seed}) for seed in range(2)]
            assert [answer.status_code for answer in songs] == [202, 429]
            answers = [greedy.ask("GET", "/voicebanks") for _ in range(20)]
            assert _problem(answers[-1]) == (429, "too_many_requests")
            assert all(int(answer.headers["retry-after"]) >= 1 for answer in (made[-1], songs[-1], answers[-1]))
            assert modest.ask("POST", "/sessions").status_code == 201
            assert modest.ask("GET", "/voicebanks").status_code == 200


def test_while_googles_keys_are_out_of_reach_nobody_is_let_in_or_kept_waiting(tmp_path: Path) -> None:
    with run_key_server(MINT) as keys:
        settings = settings_of(tmp_path, identity="firebase", firebase_project=PROJECT, link_signing_key=KEY)
        with serving(settings, identity=FirebaseIdentity(PROJECT, keys=SigningKeys(keys.url))) as locked:
            keys.answers.clear()
            headers = {"Authorization": f"Bearer {MINT.firebase('clara')}"}
            for _ in range(3):
                answer = locked.client.post("/sessions", headers=headers, timeout=10.0)
                assert (answer.status_code, answer.json()["retryable"]) == (503, True)
                assert int(answer.headers["retry-after"]) >= 1
            assert locked.client.get("/health").status_code == 200
            keys.answers.set()
