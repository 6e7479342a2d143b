"""The indexes that are deployed are those the queries need: the emulator answers without any, Firestore does not."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from cantilena.adapters.firestore_client import Document, Query
from cantilena.adapters.firestore_jobs import FirestoreJobs
from cantilena.adapters.firestore_sessions import FirestoreSessions
from cantilena.ports.jobs import Job
from cantilena.ports.sessions import Session
from tests.conftest import ROOT

DEPLOYED = json.loads((ROOT / "firestore.indexes.json").read_text("utf-8"))
Index = tuple[str, tuple[tuple[str, str], ...]]


class Questions:
    """A database that answers nothing and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Query] = []

    def read(self, collection: str, document_id: str) -> Document:
        return Document(id=document_id, fields={"created_at": 0}, revision="")

    def find(self, query: Query, *, after: object = None) -> tuple[Document, ...]:
        self.asked.append(query)
        return ()

    def count(self, query: Query) -> int:
        self.asked.append(query)
        return 0


@pytest.fixture(scope="module")
def queries() -> list[Query]:
    """Every query that the stores ask."""
    database: Any = Questions()
    jobs, sessions = FirestoreJobs(database), FirestoreSessions(database)
    jobs.of_session("s", limit=1)
    jobs.of_session("s", limit=9, before="j")
    jobs.unfinished(limit=9)
    jobs.unfinished(limit=9, owner="o")
    sessions.count("o", limit=9)
    sessions.expired(limit=9)
    return database.asked


def index_for(query: Query) -> Index:
    """The index that answers a query: fields that are equal to something, then a range, then the order."""
    equal = [field for field, operator, _ in query.where if operator in ("==", "in")]
    ranged = [field for field, operator, _ in query.where if operator not in ("==", "in")]
    order = [(field, direction) for field, direction in query.order if field != "__name__"]
    if ranged and not order:
        order = [(field, "ASCENDING") for field in ranged]
    assert [field for field, _ in order[: len(ranged)]] == ranged
    return query.collection, (*((field, "ASCENDING") for field in equal), *order)


def deployed() -> set[Index]:
    return {
        (one["collectionGroup"], tuple((field["fieldPath"], field["order"]) for field in one["fields"]))
        for one in DEPLOYED["indexes"]
    }


def overrides(collection: str) -> dict[str, dict[str, Any]]:
    return {one["fieldPath"]: one for one in DEPLOYED["fieldOverrides"] if one["collectionGroup"] == collection}


def test_every_query_has_its_index_and_every_index_its_query(queries: list[Query]) -> None:
    needed = {index_for(query) for query in queries}
    assert {index for index in needed if len(index[1]) > 1} == deployed()
    assert all(one["queryScope"] == "COLLECTION" for one in DEPLOYED["indexes"])


def test_what_one_field_answers_is_indexed_by_itself(queries: list[Query]) -> None:
    single = [(collection, index[0][0]) for collection, index in map(index_for, queries) if len(index) == 1]
    assert single == [("sessions", "expires_at")]
    assert "expires_at" not in overrides("sessions")


@pytest.mark.parametrize("query_order", ["DESCENDING", "ASCENDING"])
def test_ids_are_in_the_order_that_firestore_adds_to_an_index(queries: list[Query], query_order: str) -> None:
    for query in queries:
        if query.order and query.order[-1] == ("__name__", query_order):
            assert query.order[-2][1] == query_order


def test_no_other_field_is_indexed() -> None:
    assert set(overrides("jobs")) == {field.name for field in fields(Job)}
    assert set(overrides("sessions")) == {field.name for field in fields(Session)} - {"expires_at"}
    assert all(one["indexes"] == [] for one in DEPLOYED["fieldOverrides"])


def test_jobs_expire_by_themselves_and_sessions_once_their_files_are_gone() -> None:
    assert [name for name, one in overrides("jobs").items() if one.get("ttl")] == ["expires_at"]
    assert not any(one.get("ttl") for one in overrides("sessions").values())
