"""Which status an error becomes, and what of it a client is told."""

from __future__ import annotations

import json

import anyio
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from cantilena.errors import CantilenaError, VoicebankError
from cantilena.interfaces.http.problems import answer_known, status_of
from cantilena.ports.jobs import JobStoreError
from cantilena.ports.objects import StorageError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (JobStoreError("job_too_large", "No."), 413),
        (JobStoreError("jobs_unreachable", "No.", retryable=True), 503),
        (StorageError("storage_object_missing", "No."), 404),
        (StorageError("storage_denied", "No."), 503),
        (VoicebankError("voicebank_unknown", "No."), 404),
        (VoicebankError("voicebank_folder_missing", "No."), 503),
        (CantilenaError("nobody_foresaw_this", "No."), 500),
    ],
)
def test_every_error_has_a_status(error: CantilenaError, status: int) -> None:
    assert status_of(error) == status


@pytest.mark.parametrize("is_laptop", [True, False])
def test_where_things_are_kept_is_told_on_a_laptop_alone(is_laptop: bool) -> None:
    app = Starlette()
    app.state.shows_places = is_laptop
    request = Request({"type": "http", "app": app, "headers": []})
    error = StorageError("storage_denied", "gs://songs/sessions/1 may not be read.", hint="Ask for gs://songs.")
    answer = anyio.run(answer_known, request, error)
    document = json.loads(answer.body)
    assert (answer.status_code, document["code"]) == (503, "storage_denied")
    assert int(answer.headers["retry-after"]) > 0
    assert ("gs://" in answer.body.decode()) == is_laptop
