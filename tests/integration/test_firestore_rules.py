"""What clients of Firestore may do under our rules, as Google's own emulator judges: nothing."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from pathlib import Path

import httpx2
import pytest

from tests.emulators.firestore import FirestoreEmulator

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "rules-of-clients"
DOCUMENT = {"fields": {"owner": {"stringValue": "clara"}, "status": {"stringValue": "succeeded"}}}


def _publish(emulator: FirestoreEmulator, rules: str) -> httpx2.Response:
    body = {"rules": {"files": [{"name": "firestore.rules", "content": rules}]}}
    return httpx2.put(f"http://{emulator.host}/emulator/v1/projects/{PROJECT}:securityRules", json=body)


@pytest.fixture
def documents(firestore_emulator: FirestoreEmulator) -> str:
    """The address of the documents, under our rules; one job and one session of clara's are there."""
    assert _publish(firestore_emulator, (ROOT / "firestore.rules").read_text("utf-8")).status_code == 200
    root = f"http://{firestore_emulator.host}/v1/projects/{PROJECT}/databases/(default)/documents"
    for name in ("jobs/j", "sessions/s"):
        made = httpx2.patch(f"{root}/{name}", json=DOCUMENT, headers={"Authorization": "Bearer owner"})
        assert made.status_code == 200, made.text
    return root


def _user(name: str) -> dict[str, str]:
    """A signed-in user; the emulator takes tokens without a signature."""
    claims = {"sub": name, "user_id": name, "aud": PROJECT, "iss": f"https://securetoken.google.com/{PROJECT}",
              "firebase": {"sign_in_provider": "password"}}  # fmt: skip
    parts = [urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "none"}, claims)]
    return {"Authorization": f"Bearer {'.'.join(parts)}."}


@pytest.mark.parametrize("headers", [{}, _user("clara"), _user("robert")], ids=["nobody", "its owner", "another"])
@pytest.mark.parametrize("name", ["jobs/j", "sessions/s", "jobs/new", "sessions/s/private/x", "anything/else"])
def test_no_client_reads_or_writes(documents: str, headers: dict[str, str], name: str) -> None:
    place = f"{documents}/{name}"
    query = {"structuredQuery": {"from": [{"collectionId": name.split("/")[0]}]}}
    for answer in (
        httpx2.get(place, headers=headers), httpx2.patch(place, json=DOCUMENT, headers=headers),
        httpx2.delete(place, headers=headers), httpx2.post(f"{documents}:runQuery", json=query, headers=headers),
    ):  # fmt: skip
        assert "PERMISSION_DENIED" in answer.text, answer.text


def test_the_service_is_not_bound_by_them(documents: str) -> None:
    answer = httpx2.get(f"{documents}/jobs/j", headers={"Authorization": "Bearer owner"})
    assert answer.json()["fields"] == DOCUMENT["fields"]


def test_rules_that_say_otherwise_would_be_noticed(firestore_emulator: FirestoreEmulator, documents: str) -> None:
    rules = (ROOT / "firestore.rules").read_text("utf-8")
    assert _publish(firestore_emulator, rules.replace("if false", "if true")).status_code == 200
    assert httpx2.get(f"{documents}/jobs/j").status_code == 200
    assert _publish(firestore_emulator, rules.replace("match /", "mach /", 1)).status_code == 400
