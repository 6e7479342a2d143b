"""What the README tells a newcomer to type works, word for word."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.workers.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
SERVERS = ("make serve",)


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def _commands() -> list[str]:
    lines = "\n".join(_blocks("sh")).splitlines()
    commands = [line.split("   #")[0].strip() for line in lines if line.strip()]
    return [command for command in commands if command not in ("make test", *SERVERS)]  # the first is this


def _environment() -> dict[str, str]:
    """That of a newcomer's shell: without what the make that runs these tests hands down."""
    handed_down = ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL", "VENV", "OUT", "SCORE", "ARGS")
    return {name: value for name, value in os.environ.items() if name not in handed_down}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a clone would be, with the environment these tests run in as its ``.venv``."""
    folder = tmp_path_factory.mktemp("clone")
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in files.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    environment = folder / ".venv"
    (environment / "bin").mkdir(parents=True)
    for name in ("python", "cantilena"):
        (environment / "bin" / name).symlink_to(Path(sys.executable).with_name(name))
    for stamp in (".venv", ".sing", ".serve"):  # already installed: make need not do it again
        (environment / stamp).touch()
    return folder


@pytest.mark.parametrize("command", _commands())
def test_shell_command(checkout: Path, command: str) -> None:
    done = subprocess.run(
        command, shell=True, cwd=checkout, capture_output=True, text=True, timeout=110, env=_environment()
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", SERVERS)
def test_server_command(checkout: Path, command: str, tmp_path: Path) -> None:
    """It says where it listens, shows its page there, and is gone after Ctrl-C."""
    assert command in "\n".join(_blocks("sh"))
    out = tmp_path / "out"
    with out.open("wb") as output:
        server = subprocess.Popen(
            f'{command} ARGS="--port 0"', shell=True, cwd=checkout, stdout=output, stderr=subprocess.STDOUT,
            env=_environment() | {"DATA_DIR": str(tmp_path)}, process_group=0,
        )  # fmt: skip
    try:
        wait_until(lambda: b"sings at" in out.read_bytes() or server.poll() is not None, seconds=60)
        address = re.search(r"sings at (http://\S+)", out.read_text())
        assert address is not None, out.read_text()
        with urllib.request.urlopen(address[1], timeout=10) as page:
            assert b"<title>Cantilena</title>" in page.read()
    finally:
        os.killpg(server.pid, signal.SIGINT)
        server.wait(30)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address[1], timeout=10)


def test_python_example(checkout: Path) -> None:
    (checkout / "out").mkdir(exist_ok=True)
    (example,) = _blocks("python")
    done = subprocess.run([sys.executable, "-c", example], cwd=checkout, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    assert (checkout / "out" / "amazing-grace.flac").stat().st_size > 100_000


def test_the_readme_names_only_files_that_exist() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
