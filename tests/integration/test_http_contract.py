"""The HTTP interface against its own description: whatever is made up out of it, every answer is a documented one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.schemas import BaseSchema

from tests.serving.server import Instance, begin, finish, serving, settings_of

DOCS = Path(__file__).resolve().parents[2] / "docs" / "http-api.md"
EXAMPLES = 8
load_all_checks()
# Whether a score has such a part, or a file is a score, is not for a schema to tell: a 422 that is documented is right.
_NOT_FOR_A_SCHEMA = CHECKS.get_by_names(["positive_data_acceptance"])


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with serving(settings_of(tmp_path_factory.mktemp("data"), max_sessions=10_000, max_jobs=10_000)) as running:
        yield running


@pytest.fixture(scope="module")
def known(instance: Instance) -> dict[str, str]:
    """What there is to be found."""
    session_id = instance.new_session()
    job_id = instance.ask(session_id)["job_id"]
    begin(instance.service.stores.jobs, job_id)
    finish(instance.service.stores, job_id, b"RIFF....")
    return {"session_id": session_id, "job_id": job_id, "name": "audio.wav", "voicebank_id": "Vesper_1.0"}


@pytest.fixture(scope="module")
def schema(instance: Instance) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{instance.url}/openapi.json")


def operations(schema: BaseSchema) -> list[APIOperation]:
    return [found.ok() for found in schema.get_all_operations()]


def tried(operation: APIOperation, mode: GenerationMode, **path: str) -> None:
    """Call an operation as its description allows, or as it does not."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, path_parameters=path or None))
    def call(case: Case) -> None:
        case.call_and_validate(excluded_checks=_NOT_FOR_A_SCHEMA, timeout=30)

    call()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "not-allowed"])
def test_whatever_is_made_up_gets_a_documented_answer(schema: BaseSchema, mode: GenerationMode) -> None:
    for operation in operations(schema):
        if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body):
            continue  # nothing about it can be wrong
        tried(operation, mode)


def test_the_same_of_what_is_there(schema: BaseSchema, known: dict[str, str]) -> None:
    for operation in operations(schema):
        names = re.findall(r"\{(\w+)\}", operation.path)
        if names and operation.method != "delete":
            tried(operation, GenerationMode.POSITIVE, **{name: known[name] for name in names})


def test_every_route_stands_in_the_reference(instance: Instance) -> None:
    text = DOCS.read_text(encoding="utf-8")
    described = set(re.findall(r"`((?:GET|PUT|POST|DELETE|HEAD) /[^`?\s]*)`", text))
    routes = {
        f"{method} {route.path}"
        for route in instance.app.routes
        if isinstance(route, APIRoute) and route.include_in_schema
        for method in route.methods
    }
    assert routes | {"GET /openapi.json", "POST /internal/jobs/{job_id}/run"} == described


def test_the_description_says_who_is_let_in(instance: Instance, tmp_path: Path) -> None:
    assert instance.app.openapi()["security"] == []
    with serving(settings_of(tmp_path, identity="firebase", firebase_project="a-project")) as closed:
        document = closed.app.openapi()
    assert document["security"] == [{"bearer": []}]
    assert document["paths"]["/health"]["get"]["security"] == []
    assert {} in document["paths"]["/sessions/{session_id}/jobs/{job_id}/outputs/{name}"]["get"]["security"]
