"""Voicebanks go into a bucket and come back out of it, with a real server between."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cantilena.adapters.gcs_objects import GcsObjects
from cantilena.cancellation import CancelToken
from cantilena.distribution.cache import VoicebankCache
from cantilena.distribution.fetch import DownloadProgress
from cantilena.distribution.publish import publish, pull
from cantilena.errors import CanceledError, CantilenaError, OutputError, VoicebankError
from cantilena.ports.objects import MAX_READ_BYTES
from tests.buckets.server import BucketServer, make_bucket, run_bucket_server

PREFIX = "assets/voicebanks"
FILES = {"dsconfig.yaml": b"acoustic: a.onnx\n", "a.onnx": b"\x01" * 3_000_000, "dsdur/empty.txt": b"",
         "embeds/Stimme é.emb": b"\x02" * 1024}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketServer]:
    with run_bucket_server(tmp_path_factory.mktemp("buckets")) as running:
        yield running


@pytest.fixture
def bucket(
    server: BucketServer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[GcsObjects]:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    name = f"b{abs(hash(request.node.name)):x}"
    make_bucket(server, name)
    bucket = GcsObjects(name)
    yield bucket
    bucket.close()


class Clock:
    """A wall clock that a test turns."""

    def __init__(self) -> None:
        self.seconds = 1e9

    def __call__(self) -> float:
        return self.seconds


def write_bank(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def push(bucket: GcsObjects, folder: Path, voicebank_id: str = "Raine_Rena_2.01", **options: bool):
    return publish(folder, voicebank_id, objects=bucket, prefix=PREFIX, info={"name": "Rena"}, **options)


def cache_of(bucket: GcsObjects, folder: Path, clock: Clock | None = None, **options: float) -> VoicebankCache:
    return VoicebankCache(folder / "cache", objects=bucket, prefix=PREFIX, now=clock or Clock(), **options)


def test_what_was_pushed_is_what_is_sung(bucket: GcsObjects, tmp_path: Path) -> None:
    published = push(bucket, write_bank(tmp_path / "bank"))
    assert (published.uploaded, published.kept) == (4, 0)
    steps: list[DownloadProgress] = []
    with cache_of(bucket, tmp_path).resolve("Raine_Rena_2.01", on_progress=steps.append) as found:
        assert content_of(found.folder) == FILES
        assert found.version == published.manifest.version
        assert found.findings == ()
    assert steps[-1].bytes == steps[-1].bytes_total == sum(map(len, FILES.values()))


def test_a_download_is_stopped_by_whoever_watches_it(bucket: GcsObjects, tmp_path: Path) -> None:
    push(bucket, write_bank(tmp_path / "bank"))
    token = CancelToken()

    def watch(_: DownloadProgress) -> None:
        token.cancel()
        token.check()

    with pytest.raises(CanceledError):
        cache_of(bucket, tmp_path).resolve("Raine_Rena_2.01", on_progress=watch)
    with cache_of(bucket, tmp_path).resolve("Raine_Rena_2.01") as found:
        assert content_of(found.folder) == FILES


def test_only_the_voicebank_asked_for_is_fetched(bucket: GcsObjects, tmp_path: Path) -> None:
    folder = write_bank(tmp_path / "bank")
    push(bucket, folder)
    push(bucket, folder, "Raine_Reizo_2.01")
    cache = cache_of(bucket, tmp_path)
    cache.resolve("Raine_Rena_2.01").lease.release()
    assert [entry.id for entry in cache.entries()] == ["Raine_Rena_2.01"]
    assert cache.remote_ids() == ("Raine_Reizo_2.01", "Raine_Rena_2.01")


def test_a_second_push_sends_nothing_and_another_version_needs_to_be_asked_for(
    bucket: GcsObjects, tmp_path: Path
) -> None:
    folder = write_bank(tmp_path / "bank")
    push(bucket, folder)
    assert push(bucket, folder).uploaded == 0
    (folder / "a.onnx").write_bytes(b"new")
    with pytest.raises(VoicebankError, match="Another version") as caught:
        push(bucket, folder)
    assert caught.value.code == "voicebank_published"
    assert push(bucket, folder, replacing=True).uploaded == 1


def test_a_newer_version_is_noticed_after_the_interval_and_the_song_in_progress_keeps_its_files(
    bucket: GcsObjects, tmp_path: Path
) -> None:
    folder, clock = write_bank(tmp_path / "bank"), Clock()
    push(bucket, folder)
    cache = cache_of(bucket, tmp_path, clock, check_seconds=60)
    singing = cache.resolve("Raine_Rena_2.01")
    (folder / "a.onnx").write_bytes(b"new")
    push(bucket, folder, replacing=True)
    clock.seconds += 59
    with cache.resolve("Raine_Rena_2.01") as same:
        assert same.version == singing.version
    clock.seconds += 2
    with cache.resolve("Raine_Rena_2.01") as newer:
        assert (newer.folder / "a.onnx").read_bytes() == b"new"
        assert content_of(singing.folder) == FILES
    singing.lease.release()
    cache.prune()
    assert not singing.folder.exists()


def test_a_folder_without_a_manifest_is_sung_with_a_warning(
    bucket: GcsObjects, server: BucketServer, tmp_path: Path
) -> None:
    for name, content in FILES.items():
        bucket.replace(f"{PREFIX}/Copied_1.0/{name}", content)
    with cache_of(bucket, tmp_path).resolve("Copied_1.0") as found:
        assert content_of(found.folder) == FILES
        assert [finding.code for finding in found.findings] == ["voicebank_without_manifest"]


def test_a_half_published_voicebank_is_never_seen(bucket: GcsObjects, tmp_path: Path) -> None:
    bucket.create(f"{PREFIX}/Half_1.0/publishing.json", b"{}")
    bucket.create(f"{PREFIX}/Half_1.0/a.onnx", b"half")
    with pytest.raises(VoicebankError) as caught:
        cache_of(bucket, tmp_path).resolve("Half_1.0")
    assert (caught.value.code, caught.value.retryable) == ("voicebank_being_published", True)


def test_deleted_from_the_bucket_is_an_error_at_the_next_check(bucket: GcsObjects, tmp_path: Path) -> None:
    clock = Clock()
    published = push(bucket, write_bank(tmp_path / "bank"))
    cache = cache_of(bucket, tmp_path, clock, check_seconds=60)
    cache.resolve("Raine_Rena_2.01").lease.release()
    for name in [*FILES, "manifest.json"]:
        bucket.delete(f"{PREFIX}/{published.manifest.id}/{name}")
    cache.resolve("Raine_Rena_2.01").lease.release()
    clock.seconds += 61
    with pytest.raises(VoicebankError) as caught:
        cache.resolve("Raine_Rena_2.01")
    assert caught.value.code == "voicebank_unknown"


def test_damage_on_the_disk_is_found_by_verify_and_mended_by_the_next_call(bucket: GcsObjects, tmp_path: Path) -> None:
    push(bucket, write_bank(tmp_path / "bank"))
    cache = cache_of(bucket, tmp_path)
    with cache.resolve("Raine_Rena_2.01") as found:
        (found.folder / "a.onnx").write_bytes(b"\x03" * len(FILES["a.onnx"]))
    assert cache.verify("Raine_Rena_2.01") == ("a.onnx",)
    with cache.resolve("Raine_Rena_2.01") as mended:
        assert content_of(mended.folder) == FILES


def test_threads_share_one_download(bucket: GcsObjects, tmp_path: Path) -> None:
    push(bucket, write_bank(tmp_path / "bank"))
    cache, seen, found = cache_of(bucket, tmp_path), [], []

    def ask() -> None:
        with cache.resolve("Raine_Rena_2.01", on_progress=seen.append) as copy:
            found.append(content_of(copy.folder) == FILES)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8
    assert max(step.bytes for step in seen) == sum(map(len, FILES.values()))


def test_the_least_recently_used_bank_makes_room_unless_it_is_in_use(bucket: GcsObjects, tmp_path: Path) -> None:
    folder = write_bank(tmp_path / "bank")
    for name in ("One_1.0", "Two_1.0", "Three_1.0"):
        push(bucket, folder, name)
    cache = cache_of(bucket, tmp_path, max_bytes=7_000_000)
    singing = cache.resolve("One_1.0")
    cache.resolve("Two_1.0").lease.release()
    cache.resolve("Three_1.0").lease.release()
    assert sorted(entry.id for entry in cache.entries()) == ["One_1.0", "Three_1.0"]
    singing.lease.release()


def test_a_bank_larger_than_the_cache_is_refused_before_it_is_fetched(bucket: GcsObjects, tmp_path: Path) -> None:
    push(bucket, write_bank(tmp_path / "bank"))
    with pytest.raises(VoicebankError, match="3 MB, but the cache may hold 1 MB") as caught:
        cache_of(bucket, tmp_path, max_bytes=1024**2).resolve("Raine_Rena_2.01")
    assert caught.value.code == "voicebank_too_large"


@pytest.mark.parametrize("files", [
    [{"path": "../../evil", "size": 4, "sha256": "0" * 64, "crc32c": ""}],
    [{"path": "/etc/evil", "size": 4, "sha256": "0" * 64, "crc32c": ""}],
    [{"path": "a\\..\\evil", "size": 4, "sha256": "0" * 64, "crc32c": ""}],
    [{"path": "a", "size": -4, "sha256": "0" * 64, "crc32c": ""}],
    [{"path": "a", "size": 4, "sha256": "", "crc32c": ""}],
    [{"path": name, "size": 4, "sha256": "0" * 64, "crc32c": ""} for name in "Aa"],
    [], "all of them", None,
])  # fmt: skip
def test_a_manifest_with_evil_names_is_refused(bucket: GcsObjects, tmp_path: Path, files: object) -> None:
    document = {"format": 1, "id": "Evil_1.0", "version": "0" * 16, "files": files}
    bucket.create(f"{PREFIX}/Evil_1.0/manifest.json", json.dumps(document).encode())
    with pytest.raises(VoicebankError) as caught:
        cache_of(bucket, tmp_path).resolve("Evil_1.0")
    assert caught.value.code == "voicebank_manifest_broken"
    assert "evil" not in "".join(path.name for path in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    "evil", ["..", "../x", "a/b", "/abs", "C:x", "a\\b", "", ".hidden/..", "con", "x\x00", "e\u0301", "a" * 200]
)
def test_an_id_never_leaves_the_cache(bucket: GcsObjects, tmp_path: Path, evil: str) -> None:
    with pytest.raises(VoicebankError) as caught:
        cache_of(bucket, tmp_path).resolve(evil)
    assert caught.value.code == "voicebank_unknown"
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_others_may_write_is_refused(bucket: GcsObjects, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    with pytest.raises(VoicebankError) as caught:
        cache_of(bucket, tmp_path).resolve("Raine_Rena_2.01")
    assert caught.value.code == "voicebank_cache_unsafe"


def test_pull_puts_a_folder_of_ones_own_whole_or_not_at_all(bucket: GcsObjects, tmp_path: Path) -> None:
    manifest = push(bucket, write_bank(tmp_path / "bank")).manifest
    target = pull(manifest, tmp_path / "mine", objects=bucket, prefix=PREFIX)
    assert content_of(target) == FILES
    with pytest.raises(OutputError):
        pull(manifest, tmp_path / "mine", objects=bucket, prefix=PREFIX)
    (target / "a.onnx").write_bytes(b"changed")
    pull(manifest, tmp_path / "mine", objects=bucket, prefix=PREFIX, force=True)
    assert content_of(target) == FILES
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["Raine_Rena_2.01"]


def test_a_bucket_that_is_not_there_is_said(server: BucketServer, bucket: GcsObjects, tmp_path: Path) -> None:
    with pytest.raises(CantilenaError) as caught:
        cache_of(GcsObjects("nowhere-at-all"), tmp_path).resolve("Raine_Rena_2.01")
    assert "There is no bucket gs://nowhere-at-all." in caught.value.message


def test_leftovers_of_killed_downloads_are_swept(bucket: GcsObjects, tmp_path: Path) -> None:
    push(bucket, write_bank(tmp_path / "bank"))
    clock = Clock()
    cache = cache_of(bucket, tmp_path, clock)
    for left in ("Raine_Rena_2.01@0ld", "Other_1.0@abandoned"):
        write_bank(tmp_path / "cache" / ".partial" / left / "files")
    (tmp_path / "cache").chmod(0o700)
    clock.seconds = time.time()
    cache.resolve("Raine_Rena_2.01").lease.release()
    assert [path.name for path in (tmp_path / "cache" / ".partial").iterdir()] == ["Other_1.0@abandoned"]
    clock.seconds += 100_000
    write_bank(tmp_path / "bank", {"a.onnx": b"new"})
    push(bucket, tmp_path / "bank", replacing=True)
    cache.resolve("Raine_Rena_2.01").lease.release()
    assert not list((tmp_path / "cache" / ".partial").iterdir())


def test_a_manifest_that_would_fill_the_memory_is_given_up(bucket: GcsObjects, tmp_path: Path) -> None:
    bucket.create(f"{PREFIX}/Vast_1.0/manifest.json", b" " * (MAX_READ_BYTES + 1))
    with pytest.raises(VoicebankError, match="more than 8 MB"):
        cache_of(bucket, tmp_path).resolve("Vast_1.0")
