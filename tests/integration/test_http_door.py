"""Around every request: problem documents, safe headers, ids that come back, and who is let in on a laptop."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from cantilena.logs import configure_logging
from tests.serving.server import Instance, serving, settings_of


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with serving(settings_of(tmp_path_factory.mktemp("data"), allowed_origins=("https://studio.example",))) as running:
        yield running


def test_problems_are_documents(instance: Instance) -> None:
    answer = instance.client.get("/sessions/nobody")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "code", "hint", "retryable"}
    assert (problem["status"], problem["title"], problem["code"]) == (404, "Not Found", "session_unknown")
    assert problem["type"] == "urn:cantilena:problem:session_unknown"


def test_every_answer_has_an_id_and_safe_headers(instance: Instance) -> None:
    for route in ("/health", "/nowhere", "/sessions/x", "/voicebanks", "/openapi.json", "/metrics"):
        headers = instance.client.get(route).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-request-id"]
        assert "server" not in headers or headers["server"] == "uvicorn"
    named = instance.client.get("/health", headers={"X-Request-Id": "my-request.7"})
    assert named.headers["x-request-id"] == "my-request.7"
    strange = instance.client.get("/health", headers={"X-Request-Id": "a b\tc"})
    assert " " not in strange.headers["x-request-id"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "[::2]", "", "x@y:z"])
def test_a_name_that_is_not_this_machines_is_refused(instance: Instance, host: str) -> None:
    answer = instance.client.get("/voicebanks", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "host_refused")


def test_names_of_this_machine_are_let_in(instance: Instance) -> None:
    for host in ("localhost:8080", "127.0.0.1", "[::1]:99", "LOCALHOST"):
        assert instance.client.get("/health", headers={"Host": host}).status_code == 200


def test_pages_of_other_hosts_are_refused(instance: Instance) -> None:
    for origin in ("http://evil.example", "null", "http://[", "", "http://127.0.0.1:1", "https://studio.example.evil"):
        answer = instance.client.post("/sessions", headers={"Origin": origin})
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")
        assert "access-control-allow-origin" not in answer.headers
    own = instance.client.post("/sessions", headers={"Origin": instance.url})
    assert own.status_code == 201
    friend = instance.client.post("/sessions", headers={"Origin": "https://studio.example"})
    assert friend.status_code == 201
    assert friend.headers["access-control-allow-origin"] == "https://studio.example"


def test_a_friends_page_asks_first(instance: Instance) -> None:
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
    allowed = instance.client.options("/sessions/x/score", headers={"Origin": "https://studio.example", **asked})
    assert allowed.status_code == 200
    assert "PUT" in allowed.headers["access-control-allow-methods"]
    refused = instance.client.options("/sessions/x/score", headers={"Origin": "https://evil.example", **asked})
    assert refused.status_code in (400, 403)


def test_what_nobody_foresaw_is_told_without_a_traceback(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(owner: str) -> None:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr(instance.service.stores.sessions, "count", lambda owner, limit: explode(owner))
    answer = instance.client.post("/sessions")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"]


def test_each_request_is_a_line_in_the_log(tmp_path: Path) -> None:
    lines = io.StringIO()
    with redirect_stderr(lines):
        configure_logging(log_format="json", log_level="INFO", project="a-project")
        try:
            with serving(settings_of(tmp_path)) as instance:
                trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
                instance.client.get(
                    "/sessions/secret-id/progress?token=secret", headers={"traceparent": trace, "X-Request-Id": "r1"}
                )
        finally:
            configure_logging(log_format="console", log_level="CRITICAL")
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    (line,) = [line for line in logged if line["event"] == "http_request" and line["request_id"] == "r1"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/sessions/{session_id}/progress", 404)
    assert line["logging.googleapis.com/trace"] == "projects/a-project/traces/0af7651916cd43dd8448eb211c80319c"
    assert line["elapsed_ms"] >= 0
    assert line["bytes"] > 0
    assert "secret" not in lines.getvalue()


def test_numbers_are_counted(instance: Instance) -> None:
    instance.client.get("/voicebanks")
    text = instance.client.get("/metrics").text
    assert 'cantilena_http_requests_total{method="GET",route="/voicebanks",status="200"}' in text
    assert "cantilena_job_documents_read_total" in text
    assert "sessions/" not in text.replace("/sessions/{", "")


def test_ready_says_what_is_missing(instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = instance.client.get("/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    monkeypatch.setenv("VOICEBANK_DIR", str(tmp_path))
    with serving(settings_of(tmp_path / "data")) as mute:
        answer = mute.client.get("/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
        assert answer.json()["checks"]["voicebanks"] == "voicebank_missing"
        assert answer.json()["checks"]["sessions"] == "ok"
        assert mute.client.get("/health").status_code == 200


def test_voicebanks_are_shown_with_licence_and_credits(instance: Instance) -> None:
    (vesper,) = instance.client.get("/voicebanks").json()["voicebanks"]
    assert vesper["id"] == "Vesper_1.0"
    assert vesper["licence"]
    assert vesper["credits"]
    assert instance.client.get("/voicebanks/Vesper_1.0").json() == vesper
    assert instance.client.get("/voicebanks/..%2fx").status_code == 404


def test_too_many_requests(tmp_path: Path) -> None:
    settings = replace(settings_of(tmp_path), max_requests_per_minute=5)
    with serving(settings) as strict:
        answers = [strict.client.get("/voicebanks") for _ in range(7)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert strict.client.get("/health").status_code == 200


def test_a_sender_who_stops_is_not_waited_for_forever(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cantilena.interfaces.http.bodies._IDLE_SECONDS", 0.3)
    session_id = instance.new_session()
    head = f"PUT /sessions/{session_id}/score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    answer = spoken(instance, head.encode() + b"<?xml")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"body_too_slow"' in answer


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",  # no Host
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"PUT /sessions/x/score HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nwhat\r\n",
    ],
)
def test_what_is_no_http_gets_a_problem_too(instance: Instance, sent: bytes) -> None:
    answer = spoken(instance, sent)
    assert answer.startswith(b"HTTP/1.1 4")
    assert b"application/problem+json" in answer
    assert instance.client.get("/health").status_code == 200


def test_headers_without_end_are_cut_off(instance: Instance) -> None:
    with suppress(ConnectionError):  # with much of it unread, the connection may break before the answer is read
        answer = spoken(instance, b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 10_000_000)
        assert answer.startswith(b"HTTP/1.1 400")
    assert instance.client.get("/health").status_code == 200


def test_who_never_ends_a_request_is_not_waited_for(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cantilena.interfaces.http.protocol.HEAD_SECONDS", 0.3)
    assert spoken(instance, b"") == b""
    assert spoken(instance, b"GET /health HTTP/1.1\r\nHost: local") == b""


def test_a_connection_is_used_again(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cantilena.interfaces.http.protocol.HEAD_SECONDS", 0.2)
    host, port = instance.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        for _ in range(3):
            client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while b"}" not in answer:
                answer += client.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
            time.sleep(0.3)


def spoken(instance: Instance, sent: bytes) -> bytes:
    """What comes back for some bytes until the server ends the connection."""
    host, port = instance.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sender:
        sender.sendall(sent)
        answer = b""
        while chunk := sender.recv(65536):
            answer += chunk
    return answer
