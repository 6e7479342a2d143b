"""Scores by others, over HTTP: hostile ones get the problem they should, real ones are described, and it lives on."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.server import Instance, serving, settings_of

SCORES = Path(__file__).resolve().parents[3] / "shared" / "scores"
HOSTILE = SCORES / "hostile"
EXPECTED = (
    {row["file"]: row for row in csv.DictReader((HOSTILE / "expected.csv").read_text(encoding="utf-8").splitlines())}
    if HOSTILE.is_dir()
    else {}
)
REAL = 60
"""Of the others; each kind of place gives some."""


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with serving(settings_of(tmp_path_factory.mktemp("data"), max_jobs=1000)) as running:
        yield running


@pytest.fixture(scope="module")
def session_id(instance: Instance) -> str:
    session_id: str = instance.client.post("/sessions").json()["session_id"]
    return session_id


def test_there_are_scores_to_send(shared: Path) -> None:
    assert len(EXPECTED) == 88


@pytest.mark.parametrize("file", sorted(EXPECTED))
def test_hostile_scores_get_the_problem_they_should(instance: Instance, session_id: str, file: str) -> None:
    expected = EXPECTED[file]
    put = answer = instance.client.put(
        f"/sessions/{session_id}/score?name={file}", content=(HOSTILE / file).read_bytes()
    )
    if put.status_code == 200:  # anything readable is described, singable or not
        answer = instance.client.post(f"/sessions/{session_id}/jobs", json={})
    if expected["expected"] == "reject":
        problem = answer.json()
        assert answer.status_code in (413, 422)
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["code"] == expected["code_or_warning"]
        assert problem["detail"].endswith(".")
        assert problem["hint"].endswith(".")
        assert "part" in problem
        assert "measure" in problem
        assert "/etc/" not in answer.text
    else:
        assert (put.status_code, answer.status_code) == (200, 202), answer.text
    assert instance.client.get("/health").status_code == 200


def real_scores() -> list[Path]:
    """Some of every folder, the largest first."""
    found: list[Path] = []
    folders = sorted(folder for folder in SCORES.iterdir() if folder.is_dir() and folder != HOSTILE)
    for folder in folders:
        scores = sorted(
            (path for path in folder.rglob("*") if path.suffix in (".mxl", ".musicxml", ".xml")),
            key=lambda path: -path.stat().st_size,
        )
        found += scores[: REAL // len(folders)]
    return found


def test_real_scores_are_described(instance: Instance, session_id: str, shared: Path) -> None:
    scores = real_scores()
    assert len(scores) >= REAL // 2
    for score in scores:
        put = instance.client.put(
            f"/sessions/{session_id}/score", params={"name": score.name}, content=score.read_bytes()
        )
        assert put.status_code == 200, (score.name, put.text[:300])
        assert put.json()["parts"], score.name
        assert put.json()["measures"] > 0
