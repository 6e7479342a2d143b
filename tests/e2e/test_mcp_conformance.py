"""The public conformance suite and the MCP Inspector, which nobody here wrote, against our server.

They are programs for Node, of the versions that ``requirements/node`` pins; ``make node`` installs them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.assistants.clients import COMMAND, HYMN, http, serving

MODULES = Path(sys.prefix) / "node" / "node_modules"
NOT_FOR_US = {
    "server-sse-polling": "for servers that close their streams and let the client come back; ours keeps them open",
}
"""Scenarios that check nothing here, and why; every other one must pass."""
ON_OUR_OWN_TOOLS = (
    "server-initialize", "ping", "tools-list", "resources-list", "prompts-list", "server-sse-multiple-streams",
    "dns-rebinding-protection",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _node_is_there() -> None:
    if not MODULES.is_dir():
        pytest.skip("needs the packages of requirements/node; make node installs them")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / HYMN.name).write_bytes(HYMN.read_bytes())
    return folder


@pytest.fixture(scope="module")
def address(files: Path) -> Iterator[str]:
    with http(files) as address:
        yield address


def node(program: str, *arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of Node's; what it keeps in a home goes into a folder of the test's."""
    package = {"conformance": "conformance/dist/index.js", "inspector": "inspector/clients/launcher/build/index.js"}
    return subprocess.run(
        [
            MODULES / "node" / "bin" / "node", MODULES / "@modelcontextprotocol" / package[program],
            *map(str, arguments),
        ],
        capture_output=True, text=True, timeout=100, cwd=home, env=os.environ | {"HOME": str(home), "NO_COLOR": "1"},
    )  # fmt: skip


def scenarios(home: Path) -> set[str]:
    listed = node("conformance", "list", "--server", home=home).stdout
    return set(re.findall(r"^  - (\S+)", listed, re.M))


def test_every_scenario_passes_on_a_server_of_the_same_factory(tmp_path: Path) -> None:
    with serving([sys.executable, "-m", "tests.assistants.conformance_server"], {}) as (address, _):
        done = node("conformance", "server", "--url", address, "--suite", "all", home=tmp_path)
    results = {
        name: (int(passed), int(failed))
        for name, passed, failed in re.findall(r"^. (\S+): (\d+) passed, (\d+) failed", done.stdout, re.M)
    }
    assert set(results) == scenarios(tmp_path)
    assert {name for name, (_, failed) in results.items() if failed} == set(), done.stdout
    assert {name for name, (passed, _) in results.items() if not passed} == set(NOT_FOR_US)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("scenario", ON_OUR_OWN_TOOLS)
def test_scenarios_that_need_no_fixtures_pass_on_our_own_server(address: str, tmp_path: Path, scenario: str) -> None:
    done = node("conformance", "server", "--url", address, "--scenario", scenario, home=tmp_path)
    assert done.returncode == 0, done.stdout
    assert re.search(r"Passed: ([1-9]\d*)/\1, 0 failed", done.stdout), done.stdout


@pytest.fixture(params=["stdio", "http"])
def target(request: pytest.FixtureRequest, files: Path) -> list[str]:
    if request.param == "stdio":
        return [str(COMMAND), "mcp", "--files", str(files)]
    return [request.getfixturevalue("address")]


def inspect(target: list[str], *arguments: object, home: Path) -> dict[str, Any]:
    done = node("inspector", "--cli", *target, *arguments, "--format", "json", "-q", home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["result"]
    return found


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_finds_no_fault_with_the_tools(target: list[str], tmp_path: Path, era: str) -> None:
    listed = inspect(target, "--protocol-era", era, "--method", "tools/list", "--strict", home=tmp_path)
    assert len(listed["tools"]) == 9


def test_the_inspector_sings_a_hymn(target: list[str], tmp_path: Path) -> None:
    wishes = json.dumps({"path": HYMN.name, "verse": "1", "measures": "1-4"})
    song = inspect(
        target, "--method", "tools/call", "--tool-name", "synthesize", "--tool-args-json", wishes, home=tmp_path
    )
    assert song["structuredContent"]["status"] == "succeeded"
    link = next(content for content in song["content"] if content["type"] == "resource_link")
    if len(target) > 1:
        return  # over stdio each call has a server of its own, and the next one would not know the song
    out = tmp_path / "hymn.flac"
    read = ["--method", "resources/read", "--uri", link["uri"], "--output", out, "--output-format", "raw"]
    done = node("inspector", "--cli", *target, *read, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size == link["size"]
    assert soundfile.info(out).duration == pytest.approx(song["structuredContent"]["duration_seconds"], abs=0.01)


def test_the_inspector_is_told_of_a_failure(address: str, tmp_path: Path) -> None:
    wishes = json.dumps({"path": "../secret.musicxml"})
    call = [
        "--method",
        "tools/call",
        "--tool-name",
        "parse_score",
        "--tool-args-json",
        wishes,
        "--format",
        "json",
        "-q",
    ]
    done = node("inspector", "--cli", address, *call, home=tmp_path)
    assert "file_outside_folders" in done.stdout + done.stderr
