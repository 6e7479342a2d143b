"""A voicebank is published, and sung in production, by the real command and a real bucket server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.buckets.faults import FaultyServer, run_faulty_proxy
from tests.buckets.server import make_bucket, run_bucket_server
from tests.voicebanks.build import TinyBank, build_voicebank

ROOT = Path(__file__).resolve().parents[2]
SONG = ROOT / "examples" / "amazing-grace.musicxml"
COMMAND = [str(Path(sys.executable).parent / "cantilena")]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyServer]:
    with run_bucket_server(tmp_path_factory.mktemp("buckets")) as server, run_faulty_proxy(server.url) as running:
        make_bucket(server, "voices")
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, proxy: FaultyServer) -> Path:
    """A folder with two tiny voicebanks, published, and nothing else."""
    home = tmp_path_factory.mktemp("home")
    for name in ("Tiny_1.0", "Other_1.0"):
        build_voicebank(home / "mine", TinyBank(name=name))
        done = run(home, proxy, "voicebank", "push", str(home / "mine" / name), APP_ENV="local")
        assert done.stdout == f"gs://voices/assets/voicebanks/{name}/\n"
    return home


def run(home: Path, proxy: FaultyServer, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VOICEBANK")}
    settings = {
        "APP_ENV": "prod",
        "ALLOW_EMULATORS": "rehearsal",
        "STORAGE_EMULATOR_HOST": proxy.url,
        "NO_GCE_CHECK": "true",
        "STORAGE_BUCKET": "voices",
        "VOICEBANK_CACHE_DIR": str(home / "cache"),
        "CANTILENA_THREADS": "1",
    }
    return subprocess.run(
        [*COMMAND, *words], cwd=home, capture_output=True, text=True, env=inherited | settings | environment,
        timeout=120,
    )  # fmt: skip


def test_production_sings_what_the_bucket_has(home: Path, proxy: FaultyServer) -> None:
    proxy.faults.read.clear()
    words = ("sing", str(SONG), "--measures", "1-3", "--voicebank", "Tiny_1.0", "--json", "--force")
    first = run(home, proxy, *words, "--progress", "json", "--no-cache", LOG_FORMAT="json")
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert report["voicebank"]["id"] == "Tiny_1.0"
    lines = [json.loads(line) for line in first.stderr.splitlines()]
    events = {line["event"]: line for line in lines}
    assert events["download"]["progress"] == 1.0
    assert events["voicebank_downloaded"]["voicebank"] == "Tiny_1.0"
    assert events["voicebank_downloaded"]["bytes"] == events["voicebank_download_begin"]["bytes"] > 0
    assert events["voicebank_downloaded"]["version"] == report["voicebank"]["version"]
    assert not [name for name in proxy.faults.read if "Other_1.0" in name]
    requests = proxy.faults.requests
    assert run(home, proxy, *words).returncode == 0
    assert proxy.faults.requests == requests  # a hit asks nothing


def test_production_never_takes_a_local_folder(home: Path, proxy: FaultyServer) -> None:
    done = run(home, proxy, "check", str(SONG), "--voicebank", str(home / "mine" / "Tiny_1.0"))
    assert done.returncode == 4
    assert "cannot be the id of a voicebank" in done.stdout
    missing = run(home, proxy, "check", str(SONG), "--voicebank", "Vesper_1.0", VOICEBANK_DIR=str(home / "mine"))
    assert missing.returncode == 4
    assert "There is no voicebank 'Vesper_1.0' in gs://voices/assets/voicebanks." in missing.stdout


def test_elsewhere_a_bucket_is_neither_asked_nor_its_client_imported(home: Path, proxy: FaultyServer) -> None:
    requests = proxy.faults.requests
    code = (
        "import sys, cantilena.api as api; api.check(sys.argv[1]); "
        "print([name for name in sys.modules if name.startswith(('google', 'portalocker', 'requests'))])"
    )
    environment = dict(os.environ) | {"APP_ENV": "dev", "STORAGE_BUCKET": "voices"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(SONG)], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == "[]\n"
    assert proxy.faults.requests == requests


def test_the_bucket_can_be_looked_into(home: Path, proxy: FaultyServer) -> None:
    listed = json.loads(run(home, proxy, "voicebank", "list", "--remote", "--json", APP_ENV="local").stdout)
    assert [(one["id"], one["published"], one["speakers"]) for one in listed] == [
        ("Other_1.0", True, ["mezzo", "baritone"]),
        ("Tiny_1.0", True, ["mezzo", "baritone"]),
    ]
    told = run(home, proxy, "voicebank", "info", "Tiny_1.0", "--remote", APP_ENV="local").stdout
    assert "licence: CC0-1.0" in told
    assert [one["id"] for one in json.loads(run(home, proxy, "voicebank", "list", "--json").stdout)] == [
        "Other_1.0",
        "Tiny_1.0",
    ]


def test_pull_verify_and_prune(home: Path, proxy: FaultyServer) -> None:
    pulled = run(home, proxy, "voicebank", "pull", "Tiny_1.0", "--to", "taken", APP_ENV="local")
    assert pulled.stdout == "taken/Tiny_1.0\n"
    assert (home / "taken" / "Tiny_1.0" / "dsconfig.yaml").is_file()
    assert run(home, proxy, "voicebank", "pull", "Tiny_1.0", "--to", "taken").returncode == 2
    run(home, proxy, "check", str(SONG), "--voicebank", "Tiny_1.0")
    assert run(home, proxy, "voicebank", "verify", "Tiny_1.0").stdout == "Tiny_1.0 is as it was published.\n"
    (model,) = (home / "cache").glob("Tiny_1.0@*/acoustic.onnx")
    model.write_bytes(bytes(model.stat().st_size))
    spoilt = run(home, proxy, "voicebank", "verify", "Tiny_1.0")
    assert (spoilt.returncode, "acoustic.onnx" in spoilt.stdout) == (4, True)
    run(home, proxy, "check", str(SONG), "--voicebank", "Tiny_1.0")
    assert "Tiny_1.0@" in run(home, proxy, "voicebank", "prune", "--all").stdout
    assert not list((home / "cache").glob("Tiny_1.0@*"))


def test_what_would_not_sing_is_not_published(home: Path, proxy: FaultyServer) -> None:
    broken = build_voicebank(home / "mine", TinyBank(name="Broken_1.0"))
    (broken / "acoustic.onnx").write_bytes(b"not a model")
    done = run(home, proxy, "voicebank", "push", str(broken), APP_ENV="local")
    assert done.returncode == 4
    assert "would not sing" in done.stderr
    assert "acoustic.onnx" in done.stderr
    assert "Broken" not in run(home, proxy, "voicebank", "list", "--remote").stdout


def test_doctor_tells_where_settings_come_from(home: Path, proxy: FaultyServer) -> None:
    checkup = json.loads(run(home, proxy, "doctor", "--json").stdout)
    assert checkup["settings"]["VOICEBANK_BUCKET"]["value"] == "voices"
    assert checkup["settings"]["STORAGE_BUCKET"] | {"description": ""} == {
        "value": "voices",
        "origin": "environment",
        "description": "",
    }
    assert checkup["settings"]["VOICEBANK_PREFIX"]["origin"] == "default"
    voicebanks = {check["name"]: check for check in checkup["checks"]}["voicebanks"]
    assert voicebanks["ok"]
    assert "Tiny_1.0" in voicebanks["message"]


def test_a_bucket_out_of_reach_keeps_nobody_from_singing_what_was_fetched(home: Path, proxy: FaultyServer) -> None:
    words = ("check", str(SONG), "--measures", "1-2", "--json")
    assert run(home, proxy, *words).returncode == 0  # nobody is named: the first there is
    done = run(home, proxy, *words, STORAGE_EMULATOR_HOST="http://127.0.0.1:9", VOICEBANK_CHECK_SECONDS="0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "voicebank_bucket_unreachable" in done.stdout


def test_a_shared_vocoder_is_an_entry_of_its_own(home: Path, proxy: FaultyServer) -> None:
    bank = build_voicebank(home / "shared", TinyBank(name="Sharing_1.0"))
    (bank / "dsvocoder").rename(home / "shared" / "tiny_vocoder")
    for folder in (home / "shared" / "tiny_vocoder", bank):
        assert run(home, proxy, "voicebank", "push", str(folder), APP_ENV="local").returncode == 0
    done = run(home, proxy, "sing", str(SONG), "--measures", "1-2", "--voicebank", "Sharing_1.0", "--force")
    assert done.returncode == 0, done.stderr
    cached = {path.name.partition("@")[0] for path in (home / "cache").glob("*@*") if path.is_dir()}
    assert {"Sharing_1.0", "tiny_vocoder"} <= cached
    told = json.loads(run(home, proxy, "voicebank", "info", "Sharing_1.0", "--json").stdout)
    assert (told["id"], told["vocoder"]["shared"], told["problems"]) == ("Sharing_1.0", True, [])
    assert "tiny_vocoder (vocoder" in run(home, proxy, "voicebank", "list", "--remote").stdout
    assert "tiny_vocoder" not in run(home, proxy, "voicebank", "list").stdout
    taken = run(home, proxy, "voicebank", "pull", "Sharing_1.0", "--to", "both", APP_ENV="local").stdout
    assert taken.splitlines() == ["both/Sharing_1.0", "both/tiny_vocoder"]
    again = run(home, proxy, "check", str(SONG), "--voicebank", "both/Sharing_1.0", APP_ENV="local")
    assert again.returncode == 0, again.stdout


def test_doctor_says_that_production_has_no_voicebank(home: Path, proxy: FaultyServer) -> None:
    done = run(home, proxy, "doctor", "--json", VOICEBANK_PREFIX="nothing/here")
    assert done.returncode == 6
    (check,) = [check for check in json.loads(done.stdout)["checks"] if not check["ok"]]
    assert check["name"] == "voicebanks"
    assert "no voicebank in the bucket" in check["message"]
    assert "cantilena voicebank push" in check["hint"]


def test_a_rehearsal_says_so_at_every_start(home: Path, proxy: FaultyServer) -> None:
    lines = run(home, proxy, "voicebank", "list", LOG_FORMAT="json").stderr.splitlines()
    (said,) = [line for line in map(json.loads, lines) if line["event"] == "rehearsal_begin"]
    assert said["severity"] == "ERROR"
