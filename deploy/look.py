"""Reads what gcloud tells of things as they are, and says whether, or what, something is missing.

Used by deploy.sh; nothing here talks to anybody.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def binding(role: str, member: str, condition: str = "") -> bool:
    """Whether the policy on standard input binds a member to a role under just that condition."""
    return any(
        bound["role"] == role
        and member in bound.get("members", ())
        and bound.get("condition", {}).get("expression", "") == condition
        for bound in _read().get("bindings", ())
    )


def composites(wanted: str) -> Iterator[str]:
    """Flags that create each composite index of the file that is not in the list on standard input."""
    there = {_signature(_group(index["name"]), index) for index in _read(default=[])}
    for index in _indexes(wanted)["indexes"]:
        if _signature(index["collectionGroup"], index) not in there:
            yield " ".join([
                f"--collection-group={index['collectionGroup']}",
                f"--query-scope={index['queryScope'].lower().replace('_', '-')}",
                *(f"--field-config=field-path={path},order={order.lower()}" for path, order in _fields(index)),
            ])  # fmt: skip


def exemptions(wanted: str) -> Iterator[str]:
    """Fields of the file that are not to be indexed and still are, as the list on standard input tells."""
    there = {
        _field(field["name"]) for field in _read(default=[]) if not field.get("indexConfig", {}).get("indexes", ())
    }
    return _overrides(wanted, there, lambda override: override.get("indexes") == [])


def expiries(wanted: str) -> Iterator[str]:
    """Fields of the file by which documents expire and do not yet, as the list on standard input tells."""
    there = {_field(field["name"]) for field in _read(default=[]) if "ttlConfig" in field}
    return _overrides(wanted, there, lambda override: bool(override.get("ttl")))


def fill(template: str, *assignments: str) -> str:
    """A file with each ``${NAME}`` replaced by what ``NAME=value`` says."""
    values = dict(assignment.split("=", 1) for assignment in assignments)
    return re.sub(r"\$\{(\w+)\}", lambda name: values[name[1]], Path(template).read_text("utf-8")).rstrip("\n")


def digest(*places: str) -> str:
    """What the files of these places hold, in sixteen letters."""
    total = hashlib.sha256()
    files = (file for place in map(Path, places) for file in ([place] if place.is_file() else place.rglob("*")))
    for file in sorted(file for file in files if file.is_file() and "__pycache__" not in file.parts):
        total.update(f"{file.as_posix()}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()[:16]


def ruleset(file: str) -> str:
    """The request that makes a set of rules."""
    return json.dumps({"source": {"files": [{"name": file, "content": Path(file).read_text("utf-8")}]}})


def same_rules(file: str) -> bool:
    """Whether the set of rules on standard input says what the file says."""
    files = _read().get("source", {}).get("files", [])
    return [one.get("content") for one in files] == [Path(file).read_text("utf-8")]


def name() -> str:
    """The resource that standard input names; empty: none."""
    document = _read()
    return str(document.get("rulesetName") or document.get("name") or "")


def _overrides(wanted: str, there: set[tuple[str, str]], asks: Any) -> Iterator[str]:  # noqa: ANN401
    for override in _indexes(wanted)["fieldOverrides"]:
        place = override["collectionGroup"], override["fieldPath"]
        if asks(override) and place not in there:
            yield f"{place[1]} --collection-group={place[0]}"


def _read(default: Any = None) -> Any:  # noqa: ANN401 -- any JSON
    text = sys.stdin.read().strip()
    return json.loads(text) if text else default if default is not None else {}


def _indexes(wanted: str) -> Any:  # noqa: ANN401 -- any JSON
    return json.loads(Path(wanted).read_text("utf-8"))


def _fields(index: Any) -> list[tuple[str, str]]:  # noqa: ANN401 -- any JSON
    """What is indexed, without the name of the document that Firestore adds by itself."""
    pairs = [(field["fieldPath"], field["order"]) for field in index["fields"]]
    return [pair for pair in pairs if pair[0] != "__name__"]


def _signature(group: str, index: Any) -> tuple[str, str, tuple[tuple[str, str], ...]]:  # noqa: ANN401 -- any JSON
    return group, index["queryScope"], tuple(_fields(index))


def _group(name: str) -> str:
    return name.split("/collectionGroups/")[1].split("/")[0]


def _field(name: str) -> tuple[str, str]:
    return _group(name), name.split("/fields/")[1]


if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    result = globals()[verb](*words)
    if isinstance(result, bool):
        sys.exit(0 if result else 1)
    for line in [result] if isinstance(result, str) else result:
        print(line)  # noqa: T201 -- this is what it is for
