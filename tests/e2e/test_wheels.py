"""The wheels sing: built once, installed into an environment made anew, used from an empty folder."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    sources = (ROOT, ROOT / "packages" / "cantilena-voice-vesper")
    subprocess.run([*pip, "--wheel-dir", folder, *sources], check=True, timeout=300)
    return folder


def test_the_voice_wheel_carries_the_whole_voicebank(wheels: Path) -> None:
    (wheel,) = wheels.glob("cantilena_voice_vesper-*.whl")
    bank = ROOT / "assets" / "voicebanks" / "Vesper_1.0"
    expected = {p.relative_to(bank).as_posix() for p in bank.rglob("*") if p.is_file()}
    with zipfile.ZipFile(wheel) as archive:
        carried = {name.partition("Vesper_1.0/")[2] for name in archive.namelist() if "Vesper_1.0/" in name}
    assert carried == expected


def test_the_package_wheel_carries_no_voicebank(wheels: Path) -> None:
    (wheel,) = wheels.glob("cantilena-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if name.endswith((".onnx", ".emb"))]


def test_the_package_wheel_carries_the_page(wheels: Path) -> None:
    (wheel,) = wheels.glob("cantilena-*.whl")
    page = ROOT / "src" / "cantilena" / "interfaces" / "http" / "page"
    with zipfile.ZipFile(wheel) as archive:
        carried = {Path(name).name for name in archive.namelist() if "/http/page/" in name}
    assert carried == {path.name for path in page.iterdir() if path.is_file()}


def test_what_is_installed_sings_from_an_empty_folder(wheels: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--requirement", ROOT / "requirements" / "sing.txt"], check=True, timeout=400)
    (package,) = wheels.glob("cantilena-*.whl")
    (voice,) = wheels.glob("cantilena_voice_vesper-*.whl")
    subprocess.run([*pip, "--no-index", voice, f"{package}[voice]"], check=True, timeout=100)

    folder = tmp_path / "empty"
    folder.mkdir()
    out = folder / "verse.wav"
    hymn = ROOT / "examples" / "amazing-grace.musicxml"
    command = [environment / "bin" / "cantilena", "sing", hymn, "--measures", "1-4", "-o", out]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert soundfile.info(out).duration > 4
    assert [p.name for p in folder.iterdir()] == ["verse.wav"]
