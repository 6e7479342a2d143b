"""Files of the deployment: they can be read, hold what they should, and what is copied into the image is little."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cantilena.settings.model import VARIABLES
from cantilena.tracing import STEPS

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
METRICS = sorted((ROOT / "deploy" / "metrics").glob("*.yaml"))
EXTRAS = ("serve", "gcp", "mcp")


def _copied() -> list[Path]:
    """What the Dockerfile copies from the checkout, less what .dockerignore keeps from it."""
    places = [
        place for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for place in line.split()[:-1]
    ]
    files = (
        file
        for place in places
        for file in ([ROOT / place] if (ROOT / place).is_file() else sorted((ROOT / place).rglob("*")))
    )
    return [path for path in (file.relative_to(ROOT) for file in files if file.is_file()) if not _is_ignored(path)]


def _is_ignored(path: Path) -> bool:
    """As Docker reads the file: the last pattern that fits the path or a folder above it decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        if any(_fits(part, pattern) for part in (path, *path.parents)):
            ignored = not line.startswith("!")
    return ignored


def _fits(path: Path, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(path.name, pattern.removeprefix("**/"))
    parts = PurePosixPath(pattern).parts
    return len(parts) == len(path.parts) and all(map(fnmatch.fnmatchcase, path.parts, parts))


def test_the_image_is_given_the_package_and_nothing_else() -> None:
    copied = _copied()
    assert Path("src/cantilena/__init__.py") in copied
    assert {path.parts[0] for path in copied} == {
        "src", "requirements", "pyproject.toml", "README.md", "LICENSE", "NOTICE",
    }  # fmt: skip
    assert not [path for path in copied if {"tests", "assets", "examples", "__pycache__"} & set(path.parts)]
    assert not [path for path in copied if path.suffix in (".onnx", ".emb", ".npy", ".mxl", ".wav", ".pyc")]
    assert sum((ROOT / path).stat().st_size for path in copied) < 6 * 2**20


def test_the_wheel_of_the_image_is_whole_and_small(tmp_path: Path) -> None:
    context = tmp_path / "context"
    for path in _copied():
        (context / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, context / path)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", str(tmp_path), str(context)], check=True, timeout=100)
    (wheel,) = tmp_path.glob("cantilena-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    sources = ROOT / "src"
    wanted = {
        path.relative_to(sources).as_posix()
        for path in (sources / "cantilena").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if ".dist-info/" not in name} == wanted
    assert wheel.stat().st_size < 6 * 2**20


def test_the_image_runs_as_nobody_and_serves() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert re.search(r'^CMD \["cantilena", "serve"\]$', last, re.MULTILINE)
    assert not re.search(r"^(ADD|RUN .*curl)", DOCKERFILE, re.MULTILINE)
    assert "PYTHONUNBUFFERED=1" in last


def test_nothing_secret_is_in_the_image() -> None:
    for variable in VARIABLES.values():
        assert not variable.secret or variable.name not in DOCKERFILE


def _closure(requirements: list[str]) -> dict[str, str]:
    """Whatever these need, as it is installed here."""
    found: dict[str, str] = {}
    todo = [Requirement(text) for text in requirements]
    seen = set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        if (name, *sorted(requirement.extras)) in seen:
            continue
        seen.add((name, *sorted(requirement.extras)))
        installed = distribution(requirement.name)
        found[name] = installed.version
        for text in installed.requires or ():
            needed = Requirement(text)
            extras = ("", *requirement.extras)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                todo.append(needed)
    return found


def test_what_the_image_installs_is_pinned_to_the_last_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*project["dependencies"], *(text for extra in EXTRAS for text in project["optional-dependencies"][extra])]
    lines = (ROOT / "requirements" / "serve.txt").read_text("utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {canonicalize_name(name): version for name, version in pinned.items()} == _closure(needed)


@pytest.mark.parametrize("other", ["sing.txt", "test.txt"])
def test_what_is_tested_is_what_is_deployed(other: str) -> None:
    def pins(file: str) -> dict[str, str]:
        lines = (ROOT / "requirements" / file).read_text("utf-8").splitlines()
        pairs = [line.split("==") for line in lines if "==" in line]
        return {canonicalize_name(name.split("[")[0]): version for name, version in pairs}

    serve, tested = pins("serve.txt"), pins(other)
    assert {name: serve[name] for name in serve.keys() & tested.keys()} == {
        name: tested[name] for name in serve.keys() & tested.keys()
    }


@pytest.fixture(scope="module")
def uploaded(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What gcloud sends to the build, as the real command tells."""
    if shutil.which("gcloud") is None:
        pytest.skip("needs the Google Cloud CLI, which is not here")
    settings = {"CLOUDSDK_CONFIG": str(tmp_path_factory.mktemp("gcloud")), "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"}
    done = subprocess.run(
        ["gcloud", "meta", "list-files-for-upload", str(ROOT)], check=True, capture_output=True, text=True, timeout=60,
        env=os.environ | settings,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_the_build_is_sent_what_the_image_is_made_of(uploaded: list[str]) -> None:
    sent = {path for path in uploaded if not path.endswith(".pyc")}
    assert sent == {path.as_posix() for path in _copied()} | {"Dockerfile", ".dockerignore"}


def test_every_variable_is_set_or_explained_in_production() -> None:
    text = (ROOT / "env" / "prod.yaml").read_text("utf-8")
    told = set(re.findall(r"[A-Z][A-Z_]{3,}", text))
    assert {variable.name for variable in VARIABLES.values()} <= told
    assert set(yaml.safe_load(text)) <= {variable.name for variable in VARIABLES.values()}
    assert not {variable.name for variable in VARIABLES.values() if variable.secret} & set(yaml.safe_load(text))


def test_every_variable_of_production_has_a_word_of_why() -> None:
    blocks = (ROOT / "env" / "prod.yaml").read_text("utf-8").split("\n\n")
    assert all(block.startswith("#") for block in blocks)


@pytest.mark.parametrize("file", ["firestore.rules", "storage.rules"])
def test_rules_let_no_client_do_anything(file: str) -> None:
    text = re.sub(r"//.*", "", (ROOT / file).read_text("utf-8"))
    assert text.count("{") == text.count("}")
    assert text.startswith("\n" * (len(text) - len(text.lstrip())) + "rules_version = '2';")
    assert re.findall(r"allow ([a-z, ]+): if ([^;]+);", text) == [("read, write", "false")]
    assert re.search(r"match /\{\w+=\*\*\}", text)


def test_audio_goes_with_its_job_and_scores_stay() -> None:
    (rule,) = json.loads((ROOT / "deploy" / "lifecycle.json").read_text("utf-8"))["rule"]
    assert rule["action"] == {"type": "Delete"}
    condition = rule["condition"]
    assert condition["matchesPrefix"] == ["sessions/"]
    days = int(yaml.safe_load((ROOT / "env" / "prod.yaml").read_text("utf-8"))["JOB_DAYS"])
    assert condition["age"] == days + 1
    score = "sessions/s/scores/" + "0" * 64
    assert not score.endswith(tuple(condition["matchesSuffix"]))


@pytest.mark.parametrize("file", METRICS, ids=lambda file: file.stem)
def test_metrics_ask_for_events_and_fields_that_are_logged(file: Path) -> None:
    metric = yaml.safe_load(file.read_text("utf-8"))
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    (event,) = re.findall(r'jsonPayload\.event="(\w+)"', metric["filter"])
    row = next(line for line in page.splitlines() if line.startswith("|") and f"`{event}`" in line)
    asked = set(re.findall(r"jsonPayload\.(\w+)", yaml.safe_dump(metric))) - {"event", "side"}
    assert all(f"`{field}`" in row for field in asked), row
    is_distribution = metric["metricDescriptor"]["valueType"] == "DISTRIBUTION"
    assert is_distribution == ("valueExtractor" in metric) == ("bucketOptions" in metric)
    labels = {label["key"] for label in metric["metricDescriptor"].get("labels", ())}
    assert labels == set(metric.get("labelExtractors", ()))


def test_every_metric_is_on_the_page() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    steps = {f"synthesize_{step}" for step in STEPS}
    assert {file.stem for file in METRICS} >= steps
    assert all(f"`{file.stem}`" in page for file in METRICS if file.stem not in steps)


def test_the_page_of_the_deployment_names_what_the_script_reads() -> None:
    script = (ROOT / "deploy" / "deploy.sh").read_text("utf-8")
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    read = set(re.findall(r"^([A-Z_]+)=\$\{\1:-", script, re.MULTILINE)) - {"CANTILENA"}
    assert read >= {"REGION", "SERVICE_URL", "INSTANCES"}
    assert all(f"`{name}`" in page for name in read)


def test_the_page_of_the_deployment_leads_to_files_that_there_are() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    places = re.findall(r"\]\(((?!https)[^)#]+)", page)
    assert len(places) > 8
    assert all((ROOT / "docs" / place).exists() for place in places)
