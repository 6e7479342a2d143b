"""Whatever goes wrong between bucket and disk ends in the right voicebank or in one error of ours, and soon."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cantilena.adapters.gcs_objects import GcsObjects, Patience
from cantilena.distribution import cache_folder, fetch
from cantilena.distribution.cache import VoicebankCache
from cantilena.distribution.publish import publish
from cantilena.errors import VoicebankError
from tests.buckets.faults import FaultyServer, run_faulty_proxy
from tests.buckets.server import make_bucket, run_bucket_server

# The client leaves the connections that broke to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

PREFIX = "assets/voicebanks"
BANK = "Vesper_9.9"
FILES = {"dsconfig.yaml": b"acoustic: a.onnx\n", "a.onnx": os.urandom(2_500_000), "dsdur/dur.onnx": os.urandom(70_000)}
MODEL = f"{PREFIX}/{BANK}/a.onnx"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyServer]:
    with run_bucket_server(tmp_path_factory.mktemp("buckets")) as server, run_faulty_proxy(server.url) as running:
        make_bucket(server, "faulty")
        yield running


@pytest.fixture
def bucket(proxy: FaultyServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GcsObjects]:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    proxy.faults.plan = lambda name, n: None
    proxy.faults.before = lambda name: None
    bucket = GcsObjects("faulty")
    for name, content in FILES.items():
        (tmp_path / "bank" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bank" / name).write_bytes(content)
    publish(tmp_path / "bank", BANK, objects=bucket, prefix=PREFIX, info={}, replacing=True)
    proxy.faults.read.clear()
    yield bucket
    bucket.close()


@pytest.fixture
def cache(bucket: GcsObjects, tmp_path: Path) -> Iterator[VoicebankCache]:
    quicker_than_in_life = Patience(request=1.0, stall=1.0, small_retry=2.0, retry=2.0)
    hasty = GcsObjects("faulty", patience=quicker_than_in_life)
    yield VoicebankCache(tmp_path / "cache", objects=hasty, prefix=PREFIX, check_seconds=0.0)
    hasty.close()


def resolve(cache: VoicebankCache) -> list[str]:
    """Codes of the findings; what was found is the right voicebank."""
    with cache.resolve(BANK) as found:
        for name, content in FILES.items():
            assert (found.folder / name).read_bytes() == content
        return [finding.code for finding in found.findings]


def failure(cache: VoicebankCache) -> VoicebankError:
    """The error, after which nothing lies there that could be taken for a voicebank."""
    with pytest.raises(VoicebankError) as caught:
        cache.resolve(BANK)
    assert cache.entries() == ()
    assert not [path for path in cache_files(cache) if "@" in path.name]
    assert caught.value.hint
    return caught.value


def cache_files(cache: VoicebankCache) -> list[Path]:
    folder = cache._files.folder
    return [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.exists() else []


@pytest.mark.parametrize("fault", ["truncate", "flip", "503", "stall", "reset", "longer", "html"])
def test_a_fault_that_passes_is_got_over(proxy: FaultyServer, cache: VoicebankCache, fault: str) -> None:
    proxy.faults.plan = lambda name, n: fault if name == MODEL and n == 1 else None
    assert resolve(cache) == []


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        ("truncate", "voicebank_unreachable", True),
        ("flip", "voicebank_corrupt", False),
        ("503", "voicebank_unreachable", True),
        ("stall", "voicebank_unreachable", True),
        ("reset", "voicebank_unreachable", True),
        ("longer", "voicebank_corrupt", False),
        ("html", "voicebank_corrupt", False),
        ("404", "voicebank_incomplete", True),
        ("403", "voicebank_unreachable", False),
    ],
)
def test_a_fault_that_stays_is_one_error_that_names_the_file(
    proxy: FaultyServer, cache: VoicebankCache, fault: str, code: str, retryable: bool
) -> None:
    proxy.faults.plan = lambda name, n: fault if name == MODEL else None
    error = failure(cache)
    assert (error.code, error.retryable) == (code, retryable)
    assert "a.onnx" in error.message
    proxy.faults.plan = lambda name, n: None
    assert resolve(cache) == []


@pytest.mark.parametrize("fault", ["503", "stall", "reset", "html", "flip", "403"])
def test_a_manifest_that_does_not_come_leaves_what_is_cached(
    proxy: FaultyServer, cache: VoicebankCache, fault: str
) -> None:
    assert resolve(cache) == []
    proxy.faults.plan = lambda name, n: fault if name.endswith("manifest.json") else None
    assert resolve(cache) == ["voicebank_bucket_unreachable"]


def test_what_was_downloaded_before_a_failure_is_not_downloaded_again(
    proxy: FaultyServer, cache: VoicebankCache
) -> None:
    other = f"{PREFIX}/{BANK}/dsdur/dur.onnx"
    proxy.faults.plan = lambda name, n: "404" if name == MODEL else None
    failure(cache)
    proxy.faults.plan = lambda name, n: None
    resolve(cache)
    assert proxy.faults.read[other] == 1


def test_an_object_deleted_half_way_is_said(proxy: FaultyServer, bucket: GcsObjects, cache: VoicebankCache) -> None:
    proxy.faults.before = lambda name: bucket.delete(MODEL) if name == MODEL else None
    assert failure(cache).code == "voicebank_incomplete"


def test_a_manifest_older_than_the_files_is_said(bucket: GcsObjects, cache: VoicebankCache) -> None:
    bucket.replace(MODEL, os.urandom(2_500_000))
    error = failure(cache)
    assert (error.code, "a.onnx" in error.message) == ("voicebank_corrupt", True)


def test_a_clock_that_jumps_only_asks_the_bucket_again(bucket: GcsObjects, tmp_path: Path) -> None:
    moments = iter([1e9, 1e9, 5e8, 5e8, 2e9, 2e9, 2e9, 2e9])
    cache = VoicebankCache(
        tmp_path / "cache", objects=bucket, prefix=PREFIX, check_seconds=60, now=lambda: next(moments, 2e9)
    )
    for _ in range(3):
        assert resolve(cache) == []


def test_a_full_disk_is_said_before_the_download(cache: VoicebankCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_folder.CacheFolder, "free_bytes", property(lambda self: 1_000_000))
    error = failure(cache)
    assert error.code == "voicebank_no_space"
    assert "1 MB left" in error.message


def test_a_disk_that_fills_up_during_the_download_is_said(
    cache: VoicebankCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(fetch._HashingFile, "write", full)
        assert failure(cache).code == "voicebank_no_space"
    assert resolve(cache) == []


@pytest.mark.parametrize("folder", ["/sys/cantilena", "/dev/null/cantilena"])
def test_a_folder_that_cannot_be_written_is_said(bucket: GcsObjects, folder: str) -> None:
    with pytest.raises(VoicebankError, match="cannot be written") as caught:
        VoicebankCache(Path(folder), objects=bucket, prefix=PREFIX).resolve(BANK)
    assert caught.value.code == "voicebank_cache_unwritable"


def test_a_cache_that_is_a_file_is_said(bucket: GcsObjects, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(VoicebankError) as caught:
        VoicebankCache(tmp_path / "file" / "cache", objects=bucket, prefix=PREFIX).resolve(BANK)
    assert caught.value.code == "voicebank_cache_unwritable"
