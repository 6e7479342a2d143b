"""What was sent to the server to make it give out a file, fall over, or stop answering others.

The list of what was tried: names and ids that climb out of their folder, in every place that takes one; requests that
two readers would read differently; headers that are long, many or nonsense; bodies that are deep, wide, compressed, of
another kind or of another length than they say; and senders who are slow, stop, or never begin.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import socket
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from cantilena.interfaces.http import bodies
from cantilena.interfaces.http.bodies import MAX_JSON_BYTES
from tests.serving.server import HYMN, Instance, begin, finish, serving, settings_of

SECRET = b"nobody may read this"
AUDIO = b"RIFF" + bytes(1000)
EMPTY = ("Content-Length: 0", "Connection: close")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret.wav").write_bytes(SECRET)
    (folder / "data").mkdir()
    (folder / "data" / "secret.wav").write_bytes(SECRET)
    with serving(settings_of(folder / "data")) as running:
        yield running
        lived = running.client.get("/metrics").text
        assert re.findall(r'status="50[0-2]".*', lived) == []  # whatever was sent was answered on purpose


@pytest.fixture(scope="module")
def session_id(instance: Instance) -> str:
    return instance.new_session()


@pytest.fixture(scope="module")
def job_id(instance: Instance, session_id: str) -> str:
    job_id: str = instance.ask(session_id)["job_id"]
    begin(instance.service.jobs, job_id)
    finish(instance.service.stores, job_id, AUDIO)
    return job_id


def _connected(instance: Instance, *, seconds: float = 10.0) -> socket.socket:
    address = urlsplit(instance.url)
    return socket.create_connection((address.hostname, address.port), timeout=seconds)


def _raw(instance: Instance, request: bytes, *, quiet: float = 10.0) -> bytes:
    """All that is answered to some bytes, until the connection is closed or nothing comes for a while."""
    answer = b""
    with _connected(instance, seconds=quiet) as connection, suppress(TimeoutError, ConnectionError):
        connection.sendall(request)  # it may be closed while there is still more to send
        while block := connection.recv(65536):
            answer += block
    return answer


def _statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


def _head(instance: Instance, *lines: str, method: str = "GET", target: str = "/voicebanks") -> bytes:
    host = urlsplit(instance.url).netloc
    return "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {host}", *lines, "", ""]).encode("latin-1")


CLIMBING = (
    "..", ".", "../secret.wav", "../../secret.wav", "../../../../data/secret.wav", "..%2f..%2fsecret.wav",
    "%2e%2e/%2e%2e/secret.wav", "%2e%2e%2f%2e%2e%2fsecret.wav", "..%252f..%252fsecret.wav", "..\\..\\secret.wav",
    "..%5c..%5csecret.wav", "....//secret.wav", "..;/secret.wav", "/etc/passwd", "%2fetc%2fpasswd", "C:%5csecret.wav",
    "file:%2f%2f%2fetc%2fpasswd", "secret.wav%00.wav", "audio.wav%00", "%00", "%0d%0aSet-Cookie:%20a=b", "..%c0%af",
    "%ff%fe", "%u002e%u002e", "~", "~root", "$HOME", "`id`", "%20", "*", "con", "audio.wav:stream", "audio.wav.",
    "audio.wav%20", "a" * 3000, "link.key", "cantilena.sqlite", "../link.key", "%2e%2e%2flink.key", "__proto__",
    "%F0%9F%8E%B5" * 50, "\u2025%2fsecret.wav".encode().hex(),
)  # fmt: skip


@pytest.mark.parametrize("name", CLIMBING, ids=lambda name: name[:30])
def test_no_name_leads_out_of_its_folder(instance: Instance, session_id: str, job_id: str, name: str) -> None:
    for target in (
        f"/sessions/{session_id}/jobs/{job_id}/outputs/{name}", f"/sessions/{session_id}/jobs/{name}",
        f"/sessions/{session_id}/jobs/{name}/outputs/audio.wav", f"/sessions/{session_id}/jobs/{name}/events",
        f"/sessions/{name}", f"/sessions/{name}/score", f"/sessions/{name}/progress", f"/sessions/{name}/jobs/{job_id}",
        f"/voicebanks/{name}", f"/{name}",
    ):  # fmt: skip
        answer = _raw(instance, _head(instance, "Connection: close", target=target))
        (status,) = _statuses(answer)
        assert 400 <= status < 500 or target.endswith("/."), (target, answer[:200])
        assert SECRET not in answer
        assert b"root:" not in answer
        assert b"set-cookie" not in answer.partition(b"\r\n\r\n")[0].lower()


@pytest.mark.parametrize("name", CLIMBING, ids=lambda name: name[:30])
def test_no_session_is_deleted_or_filled_by_a_name(instance: Instance, session_id: str, name: str) -> None:
    for method, target in (("DELETE", f"/sessions/{name}"), ("POST", f"/sessions/{name}/jobs")):
        (status,) = _statuses(_raw(instance, _head(instance, *EMPTY, method=method, target=target)))
        assert 400 <= status < 500, target
    assert instance.client.get(f"/sessions/{session_id}").status_code == 200


@pytest.mark.parametrize(
    "name", ["../../evil.musicxml", "/etc/evil", "a\0b", "C:\\evil.mxl", "\u202etxt.lmxcisum", "\r\n"]
)
def test_the_name_of_a_file_is_a_name(instance: Instance, name: str) -> None:
    session_id = instance.client.post("/sessions").json()["session_id"]
    sent = instance.client.put(f"/sessions/{session_id}/score?name={quote(name)}", content=HYMN.read_bytes())
    assert sent.status_code in (200, 422)
    shown = instance.client.get(f"/sessions/{session_id}/score") if sent.status_code == 200 else sent
    told = shown.headers.get("content-disposition", "")
    assert not {"..", "/", "\\", "\0", "\r", "\n"} & set(re.split(r"([/\\\0\r\n]|\.\.)", told.split("''")[-1]))
    assert not list(instance.service.settings.data_dir.parent.rglob("*evil*"))


@pytest.mark.parametrize(
    "key", ["../../x", "a/b", "\x7f", "' OR 1=1 --", "a" * 255, "%00", "{}", "\u00e9".encode().decode("latin-1")]
)
def test_a_key_is_a_key(instance: Instance, session_id: str, key: str) -> None:
    head = _head(
        instance, f"Idempotency-Key: {key}", "Content-Length: 2", "Connection: close", method="POST",
        target=f"/sessions/{session_id}/jobs",
    )  # fmt: skip
    (status,) = _statuses(_raw(instance, head + b"{}"))
    assert status in (202, 400, 422)


def _smuggled(instance: Instance) -> dict[str, bytes]:
    """Requests that a server behind another one may read otherwise than that one does."""
    inner, end = _head(instance, target="/sessions/smuggled"), b"0\r\n\r\n"
    return {
        "a length and chunks": _head(instance, "Content-Length: 5", "Transfer-Encoding: chunked") + end + inner,
        "chunks and a length": _head(instance, "Transfer-Encoding: chunked", "Content-Length: 5") + end + inner,
        "two lengths": _head(instance, "Content-Length: 0", f"Content-Length: {len(inner)}") + inner,
        "a length of two numbers": _head(instance, f"Content-Length: 0, {len(inner)}") + inner,
        "a length below zero": _head(instance, "Content-Length: -1") + inner,
        "a length with a sign": _head(instance, f"Content-Length: +{len(inner)}") + inner,
        "a hexadecimal length": _head(instance, f"Content-Length: 0x{len(inner):x}") + inner,
        "a length in other digits": _head(instance, "Content-Length: \xb2") + inner,
        "an endless length": _head(instance, f"Content-Length: {'9' * 30}"),
        "chunked twice": _head(instance, "Transfer-Encoding: chunked, chunked") + end + inner,
        "chunks of another kind": _head(instance, "Transfer-Encoding: xchunked") + end + inner,
        "chunked, identity": _head(instance, "Transfer-Encoding: chunked, identity") + end + inner,
        "a space before the colon": _head(instance, "Transfer-Encoding : chunked") + end + inner,
        "a folded line": _head(instance, "X: a", " Transfer-Encoding: chunked"),
        "a chunk of no number": _head(instance, "Transfer-Encoding: chunked", method="POST", target="/sessions")
        + b"zz\r\n\r\n" + inner,
        "an endless chunk": _head(instance, "Transfer-Encoding: chunked", method="POST", target="/sessions")
        + b"f" * 40 + b"\r\n",
        "a null": _head(instance, "X: a\0b"), "a bare return": _head(instance, "X: a\rTransfer-Encoding: chunked"),
        "no host": b"GET /voicebanks HTTP/1.1\r\n\r\n", "two hosts": _head(instance, "Host: evil.example"),
        "an old version": b"GET /voicebanks\r\n\r\n", "a version to come": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "a handshake": bytes.fromhex("16030100a5010000a1"),
        "another address": _head(instance, target="http://evil.example/voicebanks"), "nothing": b"\r\n\r\n",
        "a star": _head(instance, method="OPTIONS", target="*"),
        "a tunnel": _head(instance, method="CONNECT", target="x:1"),
        "an echo": _head(instance, method="TRACE"), "a word": _head(instance, method="A" * 3000),
        "a method with marks": _head(instance, method="G<>T"), "a line of 100 kB": b"GET /" + b"a" * 100_000,
    }  # fmt: skip


WAYS = (
    "a length and chunks", "chunks and a length", "two lengths", "a length of two numbers", "a length below zero",
    "a length with a sign", "a hexadecimal length", "a length in other digits", "an endless length", "chunked twice",
    "chunks of another kind", "chunked, identity", "a space before the colon", "a folded line", "a chunk of no number",
    "an endless chunk", "a null", "a bare return", "no host", "two hosts", "an old version", "a version to come",
    "another protocol", "a handshake", "another address", "nothing", "a star", "a tunnel", "an echo", "a word",
    "a method with marks", "a line of 100 kB",
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_no_request_hides_another(instance: Instance, way: str) -> None:
    requests = _smuggled(instance)
    assert set(requests) == set(WAYS)
    answer = _raw(instance, requests[way], quiet=0.3)
    statuses = _statuses(answer)
    assert b"session_unknown" not in answer  # what was hidden is not read as a request
    assert all(status < 500 for status in statuses)
    assert len(statuses) <= 1 or min(statuses) >= 400
    assert instance.client.get("/health").status_code == 200


def _headers(session_id: str, job_id: str) -> dict[str, tuple[str, dict[str, str]]]:
    job = f"/sessions/{session_id}/jobs/{job_id}"
    audio = f"{job}/outputs/audio.wav"
    many = ",".join(f"{n}-{n + 1}" for n in range(0, 4000, 4))
    return {
        "a thousand ranges": (audio, {"Range": f"bytes={many}"}), "a range of words": (audio, {"Range": "bytes=a-b"}),
        "a range of ages": (audio, {"Range": f"bytes={'9' * 5000}-"}),
        "a backward range": (audio, {"Range": "bytes=9-1"}),
        "another unit": (audio, {"Range": "songs=1-2"}), "ranges below zero": (audio, {"Range": "bytes=--5"}),
        "a long ETag": (job, {"If-None-Match": '"' + "x" * 30_000 + '"'}),
        "many ETags": (job, {"If-None-Match": ", ".join(f'"{n}.{n}"' for n in range(3000))}),
        "an ETag of another shape": (job, {"If-None-Match": f'W/"{job_id}.-1"'}),
        "a seq of ages": (job, {"If-None-Match": f'"{job_id}.{"9" * 5000}"'}),
        "a seq of words": (f"{job}/events", {"Last-Event-ID": "abc"}),
        "a seq below zero": (f"{job}/events", {"Last-Event-ID": "-1"}),
        "a seq beyond": (f"{job}/events", {"Last-Event-ID": "9" * 400}),
        "a wait in words": (f"{job}?wait=long", {}), "a wait below zero": (f"{job}?wait=-5", {}),
        "a wait of years": (f"{job}?wait=1e300", {}), "a wait of no number": (f"{job}?wait=nan", {}),
        "an endless wait": (f"{job}?wait=inf", {}), "a cursor": (f"/sessions/{session_id}/jobs?cursor=..%2f", {}),
        "a page of all": (f"/sessions/{session_id}/jobs?limit=100000000", {}),
        "a page of nothing": (f"/sessions/{session_id}/jobs?limit=0", {}),
        "a format of paths": (f"/sessions/{session_id}/score?format=../x", {}),
        "a trace of nonsense": (job, {"traceparent": "00-" + "z" * 500}),
        "a trace of another cloud": (job, {"X-Cloud-Trace-Context": "a/b;o=1" * 100}),
        "an id with a line": (job, {"X-Request-Id": "a\tb" * 100}),
        "another host before": (job, {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"}),
        "another address before": (job, {"X-Original-URL": "/internal/jobs/1/run", "X-Rewrite-URL": "/metrics"}),
        "another method": (job, {"X-HTTP-Method-Override": "DELETE"}), "an upgrade": (job, {"Upgrade": "h2c"}),
        "a socket": (job, {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "x"}),
        "every type": (job, {"Accept": "application/pdf;q=0.1," * 500}),
        "a cookie": (job, {"Cookie": "a=" + "b" * 30_000}),
        "a thousand parameters": (f"{job}?" + "&".join(f"a{n}={n}" for n in range(4000)), {}),
    }  # fmt: skip


@pytest.mark.parametrize("what", _headers("s", "j"))
def test_what_headers_say_is_taken_or_left(instance: Instance, session_id: str, job_id: str, what: str) -> None:
    route, headers = _headers(session_id, job_id)[what]
    answer = instance.client.get(route, headers=headers)
    assert answer.status_code in (200, 204, 206, 304, 400, 416, 422), answer.text[:200]
    assert "evil.example" not in answer.text + str(answer.headers)
    assert instance.client.get(f"/sessions/{session_id}").status_code == 200


def test_a_thousand_headers_are_too_many_or_nothing(instance: Instance) -> None:
    for lines in ([f"X-{n}: {n}" for n in range(1000)], ["X: " + "a" * 100_000], ["X" * 70_000 + ": a"]):
        (status,) = _statuses(_raw(instance, _head(instance, *lines, "Connection: close")))
        assert status in (200, 400, 431)


def _bodies() -> dict[str, bytes]:
    deep = b"[" * 100_000
    return {
        "brackets": deep, "deep": b'{"controls":' * 5000 + b"1" + b"}" * 5000, "a list": b"[]", "a text": b'"sing"',
        "null": b"null", "a number": b"7", "not JSON": b"{", "two documents": b"{}{}", "a comment": b"{/* */}",
        "NaN": b'{"tempo": NaN}', "endless": b'{"tempo": Infinity}', "1e999": b'{"tempo": 1e999}',
        "an integer of ages": b'{"seed": ' + b"9" * 5000 + b"}", "true for a number": b'{"transpose": true}',
        "a list for a text": b'{"voicebank": ["Vesper_1.0"]}', "an unknown wish": b'{"wings": 2}',
        "a prototype": b'{"__proto__": {"seed": 1}}', "a class": b'{"__class__": "x"}',
        "a folder for a voicebank": b'{"voicebank": "../../etc"}', "a root for a voicebank": b'{"voicebank": "/"}',
        "an address for a voicebank": b'{"voicebank": "http://127.0.0.1:1/x"}',
        "a null in a voicebank": b'{"voicebank": "Vesper_1.0\\u0000"}', "a half letter": b'{"part": "\\ud800"}',
        "a path for a format": b'{"format": "../wav"}',
        "not UTF-8": b'{"part": "\xff\xfe"}', "UTF-16": '{"seed": 1}'.encode("utf-16"), "a null": b"\0" * 1000,
        "ten thousand controls": json.dumps({"controls": {f"c{n}": 1 for n in range(10_000)}}).encode(),
        "a curve of a million": json.dumps({"controls": {"tension": {"times": [0] * 200_000, "values": [0] * 200_000}}}
                                           ).encode(),
        "a word of a megabyte": json.dumps({"pronunciations": {"a" * 10**6: "AH"}}).encode(),
        "a measure of ages": json.dumps({"measures": f"1-{'9' * 4000}"}).encode(),
        "a million verses": json.dumps({"verse": "1" * 10**6}).encode(),
    }  # fmt: skip


@pytest.mark.parametrize("what", _bodies())
def test_what_is_asked_for_is_sung_or_refused(instance: Instance, session_id: str, what: str) -> None:
    answer = instance.client.post(
        f"/sessions/{session_id}/jobs", content=_bodies()[what], headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 413, 422), answer.text[:300]
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 20_000


def _zip(entries: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def _container(name: str) -> bytes:
    return f'<container><rootfiles><rootfile full-path="{name}"/></rootfiles></container>'.encode()


def _scores() -> dict[str, tuple[bytes, dict[str, str]]]:
    hymn = HYMN.read_bytes()
    laughs = b'<!DOCTYPE a [<!ENTITY a "ha">' + b"".join(
        b'<!ENTITY %c "&%c;&%c;">' % (98 + n, 97 + n, 97 + n) for n in range(20)
    )
    return {
        "an entity of a file": (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><score-partwise>&b;</score-partwise>',
                                {}),
        "a billion laughs": (laughs + b"]><score-partwise>&u;</score-partwise>", {}),
        "a bomb": (_zip({"META-INF/container.xml": _container("a.xml"), "a.xml": b"<a>" + b" " * 40_000_000}), {}),
        "an archive that climbs": (_zip({"META-INF/container.xml": _container("../../../etc/passwd")}), {}),
        "ten thousand files": (_zip({f"{n}.xml": b"" for n in range(10_000)}), {}),
        "compressed on the way": (gzip.compress(hymn), {"Content-Encoding": "gzip"}),
        "compressed by br": (hymn, {"Content-Encoding": "br"}),
        "a page": (b"<html></html>", {"Content-Type": "text/html"}),
        "a picture": (b"\x89PNG\r\n\x1a\n", {"Content-Type": "image/png"}), "nothing": (b"", {}),
        "a form without a border": (b"--x\r\n\r\n", {"Content-Type": "multipart/form-data"}),
        "a form without an end": (b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nabc",
                                  {"Content-Type": "multipart/form-data; boundary=x"}),
        "a form of a thousand files": (b"".join(
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="%d"\r\n\r\na\r\n' % n for n in range(1000)
        ) + b"--x--", {"Content-Type": "multipart/form-data; boundary=x"}),
        "a form of a long header": (b"--x\r\nA: " + b"a" * 60_000 + b"\r\n\r\na\r\n--x--",
                                    {"Content-Type": "multipart/form-data; boundary=x"}),
        "a border of a megabyte": (b"--x--", {"Content-Type": f"multipart/form-data; boundary={'b' * 20_000}"}),
    }  # fmt: skip


@pytest.mark.parametrize("what", _scores())
def test_what_is_no_score_is_refused(instance: Instance, session_id: str, what: str) -> None:
    content, headers = _scores()[what]
    answer = instance.client.put(f"/sessions/{session_id}/score", content=content, headers=headers)
    assert answer.status_code in (400, 413, 415, 422), answer.text[:300]
    assert "root:" not in answer.text
    assert instance.client.get(f"/sessions/{session_id}/score").content == HYMN.read_bytes()


def test_nothing_is_fetched_for_a_score(instance: Instance, session_id: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.setblocking(False)
        url = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/x".encode()
        for score in (
            b'<!DOCTYPE score-partwise SYSTEM "' + url + b'"><score-partwise/>',
            b'<!DOCTYPE a [<!ENTITY % b SYSTEM "' + url + b'"> %b;]><score-partwise/>',
            b'<score-partwise xmlns:x="http://www.w3.org/2001/XInclude"><x:include href="' + url + b'"/>'
            b"</score-partwise>",
            b'<?xml-stylesheet href="' + url + b'"?><score-partwise/>',
        ):  # fmt: skip
            instance.client.put(f"/sessions/{session_id}/score", content=score)
        with pytest.raises(BlockingIOError):  # nobody has called
            elsewhere.accept()
    assert instance.client.put(f"/sessions/{session_id}/score", content=HYMN.read_bytes()).status_code == 200


def test_what_is_too_large_is_refused_before_it_has_come(instance: Instance, session_id: str) -> None:
    large = instance.service.settings.max_upload_bytes + 1
    for method, target, length in (
        ("PUT", f"/sessions/{session_id}/score", large), ("POST", f"/sessions/{session_id}/jobs", MAX_JSON_BYTES + 1),
        ("PUT", f"/sessions/{session_id}/score", 10**18),
    ):  # fmt: skip
        head = _head(instance, f"Content-Length: {length}", "Connection: close", method=method, target=target)
        answer = _raw(instance, head + b"{")
        assert _statuses(answer) == [413]


def test_what_says_nothing_of_its_length_is_cut_off(instance: Instance, session_id: str) -> None:
    chunk = b"100000\r\n" + b"x" * 2**20 + b"\r\n"
    head = _head(instance, "Transfer-Encoding: chunked", method="POST", target=f"/sessions/{session_id}/jobs")
    answer = _raw(instance, head + chunk * (MAX_JSON_BYTES // 2**20 + 2), quiet=1.0)
    assert _statuses(answer) in ([413], [])  # the answer may be lost with the connection


def test_slow_senders_are_not_waited_for_and_keep_nobody_waiting(
    instance: Instance, session_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_IDLE_SECONDS", 1.0)
    monkeypatch.setattr(bodies, "_WAIT_SECONDS", 0.2)
    with ExitStack() as stack:
        slow = [stack.enter_context(_connected(instance)) for _ in range(40)]
        for connection in slow:
            target = f"/sessions/{session_id}/score"
            connection.sendall(_head(instance, "Content-Length: 5000", method="PUT", target=target) + b"<score")
        silent = [stack.enter_context(_connected(instance)) for _ in range(100)]
        for connection in silent:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: ")
        for _ in range(20):
            assert instance.client.get(f"/sessions/{session_id}/progress").status_code == 200
        answers = [connection.recv(65536) for connection in slow]
    statuses = [_statuses(answer)[0] for answer in answers]
    assert set(statuses) == {408, 503}  # too slow; or never begun, as too many were coming at once
    assert statuses.count(408) >= 16
    assert instance.client.put(f"/sessions/{session_id}/score", content=HYMN.read_bytes()).status_code == 200


def test_senders_who_leave_take_nothing_along(instance: Instance, session_id: str) -> None:
    for _ in range(50):
        with _connected(instance) as connection:
            target = f"/sessions/{session_id}/score"
            connection.sendall(_head(instance, "Content-Length: 5000", method="PUT", target=target) + b"<score")
    assert instance.client.get(f"/sessions/{session_id}/score").content == HYMN.read_bytes()


def test_the_route_of_the_queue_is_not_there_on_a_laptop(instance: Instance, job_id: str) -> None:
    for method in ("POST", "GET", "PUT"):
        assert instance.client.request(method, f"/internal/jobs/{job_id}/run").status_code in (404, 405)


def test_a_page_of_another_host_does_nothing_at_all(instance: Instance, session_id: str) -> None:
    origins = ("http://evil.example", "null", "http://[", "http://127.0.0.1:99999", "//", "http://a]b")
    for headers in ({"Host": "evil.example"}, {"Host": "["}, *({"Origin": origin} for origin in origins)):
        for method, route in (("DELETE", f"/sessions/{session_id}"), ("POST", f"/sessions/{session_id}/jobs")):
            assert instance.client.request(method, route, headers=headers).status_code in (403, 421)
    assert instance.client.get(f"/sessions/{session_id}").status_code == 200
    jobs: list[dict[str, Any]] = instance.client.get(f"/sessions/{session_id}/jobs").json()["jobs"]
    assert all(job["status"] != "canceled" for job in jobs)
