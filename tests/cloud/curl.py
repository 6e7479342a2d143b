"""A stand-in for curl: sets of rules and where they hold, as Firebase's rules are published."""

from __future__ import annotations

import json
import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

STATE = Path(os.environ.get("CLOUD_STATE", ""))
API = "https://firebaserules.googleapis.com/v1/"


def main(words: list[str]) -> int:
    state: dict[str, Any] = json.loads(STATE.read_text())
    values = dict(pairwise(words))
    method, path = values["--request"], next(word for word in words if word.startswith(API)).removeprefix(API)
    body = json.loads(values.get("--data", "{}"))
    rules = state["things"].setdefault("rules", {})
    state["calls"].append(["curl", method, path])
    answer = _answer(rules, method, path, body)
    STATE.write_text(json.dumps(state))
    if answer is None:
        sys.stderr.write("curl: (22) The requested URL returned error: 404\n")
        return 22
    print(json.dumps(answer))
    return 0


def _answer(rules: dict[str, Any], method: str, path: str, body: dict[str, Any]) -> Any:
    if method == "GET":
        return rules.get(path)
    if path.endswith("/rulesets"):
        name = f"{path}/{len(rules)}"
        rules[name] = {"name": name, **body}
        return rules[name]
    release = body if method == "POST" else body["release"]
    if (release["name"] in rules) is (method == "POST"):
        return None
    rules[release["name"]] = release
    return release


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
