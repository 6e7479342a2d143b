"""A stand-in for gcloud: it keeps what was created, refuses to create it twice, and writes down every command."""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # this is started hundreds of times: what takes long to import is left out
    from typing import Any

STATE = os.environ.get("CLOUD_STATE", "")
READING = ("describe", "list", "get-iam-policy", "print-access-token")


class Missing(Exception):
    """There is no such thing."""


def main(words: list[str]) -> int:
    state: dict[str, Any] = json.loads(_read(STATE))
    names = [word for word in words if not word.startswith("-")]
    flags = dict(word.removeprefix("--").partition("=")[::2] for word in words if word.startswith("-"))
    is_change = not set(READING) & set(names)
    state["calls"].append(words)
    if is_change and state.get("fails_after") == 0:
        _write(json.dumps(state))
        sys.stderr.write("ERROR: the network is gone\n")
        return 1
    if is_change and "fails_after" in state:
        state["fails_after"] -= 1
    try:
        answer = _answer(state["things"], names, flags)
    except Missing as error:
        sys.stderr.write(f"ERROR: NOT_FOUND: {error}\n")
        return 1
    finally:
        _write(json.dumps(state))
    if answer is not None:
        print(answer if isinstance(answer, str) else json.dumps(answer))
    return 0


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return file.read()


def _write(text: str) -> None:
    with open(STATE, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)


def _answer(things: dict[str, Any], names: list[str], flags: dict[str, str]) -> Any:
    match names:
        case ["auth", "print-access-token"]:
            return "a-token"
        case ["projects", "describe", _]:
            return "123456789"
        case ["services", "list"]:
            return "\n".join(things.setdefault("services", []))
        case ["services", "enable", name]:
            things.setdefault("services", []).append(name)
        case ["firestore", *rest]:
            return _firestore(things, rest, flags)
        case ["run", "services", "describe", name]:
            return _thing(things, "run", name)["labels"].removeprefix("state=")
        case ["run", "deploy", name]:
            environment = _read(flags.pop("env-vars-file"))
            things.setdefault("run", {})[name] = {**flags, "environment": environment}
        case ["builds", "submit", "."]:
            _create(things, "artifacts docker images", flags["tag"], flags)
        case ["secrets", "versions", "list", name]:
            return "\n".join(_thing(things, "secrets", name).get("versions", []))
        case ["secrets", "versions", "add", name]:
            _thing(things, "secrets", name).setdefault("versions", []).append(sys.stdin.read())
        case ["logging", "sinks", "describe", "_Default"]:
            return things.get("exclusions", "")
        case ["logging", "sinks", "update", "_Default"]:
            things["exclusions"] = flags["add-exclusion"].split(",")[0].removeprefix("name=")
        case ["logging", "metrics", "list"]:
            return "\n".join(things.get("logging metrics", {}))
        case [*kind, "get-iam-policy", name]:
            return {"bindings": _policy(things, " ".join(kind), name)}
        case [*kind, "add-iam-policy-binding", name]:
            _bind(_policy(things, " ".join(kind), name), flags)
        case [*kind, "create", name]:
            _create(things, " ".join(kind), name, flags)
        case [*kind, "update", name]:
            _thing(things, " ".join(kind), name).update(flags)
        case [*kind, "describe", name]:
            return _described(_thing(things, " ".join(kind), name), flags.get("format", ""))
        case _:
            raise ValueError(f"the stand-in does not know {names}")
    return None


def _described(thing: dict[str, Any], form: str) -> str:
    if form == "value(rateLimits.maxConcurrentDispatches)":
        return str(thing["max-concurrent-dispatches"])
    if form == "value(lifecycle_config)":
        return thing.get("lifecycle", "matchesPrefix=['sessions/']" if "lifecycle-file" in thing else "")
    return "described"


def _firestore(things: dict[str, Any], names: list[str], flags: dict[str, str]) -> Any:
    database = flags["database"]
    root = f"projects/p/databases/{database}/collectionGroups"
    match names:
        case ["databases", "describe"]:
            _thing(things, "databases", database)
        case ["databases", "create"]:
            _create(things, "databases", database, flags)
        case ["indexes", "composite", "list"]:
            return things.get("indexes", [])
        case ["indexes", "composite", "create"]:
            pairs = [flag.split(",") for flag in _all(sys.argv, "--field-config=")]
            fields = [{"fieldPath": path.split("=")[1], "order": order.split("=")[1].upper()} for path, order in pairs]
            index = {
                "name": f"{root}/{flags['collection-group']}/indexes/{len(things.get('indexes', []))}",
                "queryScope": flags["query-scope"].upper().replace("-", "_"),
                "fields": [*fields, {"fieldPath": "__name__", "order": fields[-1]["order"]}],
            }
            things.setdefault("indexes", []).append(index)
        case ["indexes", "fields", "list"]:
            return [*things.get("exempted", []), {"name": f"{root}/__default__/fields/*", "indexConfig": {
                "indexes": [{"queryScope": "COLLECTION"}]}}]  # fmt: skip
        case ["indexes", "fields", "update", field]:
            name = f"{root}/{flags['collection-group']}/fields/{field}"
            things.setdefault("exempted", []).append({"name": name, "indexConfig": {}})
        case ["fields", "ttls", "list"]:
            return things.get("expiring", [])
        case ["fields", "ttls", "update", field]:
            name = f"{root}/{flags['collection-group']}/fields/{field}"
            things.setdefault("expiring", []).append({"name": name, "ttlConfig": {"state": "CREATING"}})
        case _:
            raise ValueError(f"the stand-in does not know firestore {names}")
    return None


def _all(words: list[str], prefix: str) -> list[str]:
    return [word.removeprefix(prefix) for word in words if word.startswith(prefix)]


def _thing(things: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    try:
        return things[kind][name]  # type: ignore[no-any-return]
    except KeyError:
        raise Missing(f"{kind} {name}") from None


def _create(things: dict[str, Any], kind: str, name: str, flags: dict[str, str]) -> None:
    if kind == "iam service-accounts":
        name = f"{name}@{flags['project']}.iam.gserviceaccount.com"
    if name in things.setdefault(kind, {}):
        raise Missing(f"ALREADY_EXISTS: {kind} {name}")
    things[kind][name] = dict(flags)


def _policy(things: dict[str, Any], kind: str, name: str) -> list[dict[str, Any]]:
    if kind != "projects":
        _thing(things, kind, name)
    return things.setdefault("policies", {}).setdefault(f"{kind} {name}", [])  # type: ignore[no-any-return]


def _bind(bindings: list[dict[str, Any]], flags: dict[str, str]) -> None:
    bound: dict[str, Any] = {"role": flags["role"], "members": [flags["member"]]}
    if flags.get("condition", "None") != "None":
        bound["condition"] = {"expression": flags["condition"].split("expression=")[1]}
    bindings.append(bound)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
